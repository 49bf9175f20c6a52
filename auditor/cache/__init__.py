"""What is kept between runs: finished results, and the facts of files. All of it may be lost at any time."""
