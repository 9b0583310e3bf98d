"""What the pages of the mesh share: the header, which leads from each to the others.

daprkit, which serves any project, does not know the names that stand here.
"""
