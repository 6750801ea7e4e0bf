"""What demonstrates and studies the product: stories, the stage, a year of real households.

Of the product only the command line imports it.
"""
