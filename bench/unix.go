package main

import "strings"

// redisUnix is redis-server, and a proxy before it, at unix sockets: what is left of a request's cost where the kernel's TCP has no part in it.
type redisUnix struct{ oneServer }

func (redisUnix) name() string { return "redis-unix" }

func (redisUnix) serverArgv(port, dir string, clients int) []string {
	return append(redis{}.serverArgv(port, dir, clients), "--unixsocket", socketAt(dir, "redis", port))
}

// socketAt is the path of a socket, named by a port that nobody else has.
func socketAt(dir, name, port string) string { return dir + "/" + name + "-" + port + ".sock" }

// networkOf is that of an address: one with a slash is a path.
func networkOf(addr string) string {
	if strings.Contains(addr, "/") {
		return "unix"
	}
	return "tcp"
}
