"""What the HTML page is made of: template, style and script beside this file, and the values that fill them."""
