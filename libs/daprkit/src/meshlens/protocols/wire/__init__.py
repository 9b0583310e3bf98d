"""The messages of other model servers' gRPC services, compiled from our own .proto files.

`make protos` compiles them into messages.binpb and, for the type checker, into one stub a file. The
classes are made from a descriptor pool of our own: a process that imports the packages of a client
too, which register the same names in the default pool, has both.

Messages of google.protobuf, such as Any and Int64Value, are of our pool too. Set their fields in
place, as `spec.version.value = 1`; an object of google.protobuf's own modules is of another class.
`json_format` finds what is in an Any by `descriptor_pool=load_pool()`.
"""
