"""What a child process may do that opens untrusted bytes: it confines itself, by the kernel, before it opens any."""
