"""auditor finds code that blocks or misuses the asyncio event loop."""

__version__ = "0.1.0"
