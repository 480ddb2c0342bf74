// Package unblock has the reasons for which a command that was blocked gets no reply from its server.
package unblock

// Reason is why.
type Reason uint8

const (
	// Moved says that its server is not that of its keys any more, or that the proxy ends.
	Moved Reason = iota
	// Asked says that another client asked for an error.
	Asked
	// Elapsed says that another client asked for what it gets when its time is over.
	Elapsed
)
