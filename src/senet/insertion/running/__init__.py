"""How blocks run: the module that holds some is of a class whose forward sees its children with their blocks."""
