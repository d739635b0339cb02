"""How inserted blocks run: the class of a module that holds some has a forward that sees its children with them."""
