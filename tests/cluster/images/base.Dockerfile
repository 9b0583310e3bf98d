# The Debian with Python that the services' Dockerfiles start from where no registry can be reached.
FROM scratch
ADD base.tar /
