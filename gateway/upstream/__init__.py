"""The leg to the model server: `base` is the interface, `pool.Pool` the client that stands behind it.

origin → where the server is; headers → the hop-by-hop rules; request → the bytes of a request head;
answer → the sans-I/O reader of answers; connection → one socket; exchange → one request and its answer
over a connection; pool → which connection, and when to open or close one.
"""
