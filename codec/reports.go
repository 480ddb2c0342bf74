package codec

import "cashew/codec/about"

// Reports answers what clients ask about the proxy as a whole. It alone always runs on a goroutine off the loops, at most
// eight of them at once, and may allocate and wait. cl and frame are copies that belong to the call.
type Reports interface {
	// AppendReport appends the reply to a command of Kind Report, whose Op and Frame are given; cl is a copy of the client
	// as the command found it. last says that the client is closed once it has this reply.
	AppendReport(dst []byte, cl Client, op uint16, frame []byte, proxy about.Proxy) (out []byte, last bool)
}
