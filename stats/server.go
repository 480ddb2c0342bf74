package stats

import (
	"cashew/codec"
	"cashew/codec/work"
)

// ServerTally is what one loop counts of one server, over all connections to it that there ever were.
//
// Requests are Responses, NoReply, Dropped, Failed, and what is in the two queues. Canaries and the handshake do not count.
type ServerTally struct {
	Connects    int64 // connections that came about, ever
	Connections int64 // the same, now
	// Profiles are those by profile; backend.Group.Figures fills them in.
	Profiles [codec.MaxProfiles]int64

	LeaseWaits    int64 // clients that waited for one
	LeaseRefusals int64 // clients that waited for one in vain
	Leased        int64 // connections that one client has for itself at the moment
	Redials       int64 // connections that were given up because the server said that it is no master, or not ready

	Remarks int64 // connections whose handshake was answered with a remark, as by a server without the password that it was given

	// Connections that ended, or never came about, by cause.
	EOF, Err, Timedout int64

	Requests, RequestBytes   int64
	Responses, ResponseBytes int64 // replies that somebody waited for

	Pushes map[string]int64 // what the server sent unasked, by codec.Replies.PushKind; nil: nothing

	Messages      int64 // that came for what clients are subscribed to
	Subscriptions int64 // that the loop has at the server for its clients, now
	Resubscribed  int64 // of those, begun anew since they were lost

	NoReply int64 // requests that expect no reply
	Dropped int64 // replies that nobody waited for any more
	Failed  int64 // requests whose connection failed
	Untimed int64 // replies of either kind to commands that may block, whose times say nothing
	Expired int64 // requests that failed by timeout: their replies are dropped, or their connections fail, later

	// Now; backend.Group.Figures fills them in. OutQueueBytes counts requests without replies, too, as long as they are among others.
	InQueue, InQueueBytes, OutQueue, OutQueueBytes int64

	Misses int64 // of the replies that are counted under work.Lookup, those that say that there is nothing

	Latency [work.Classes + 1]Latency // by class; the last is work.Lookup, reads that are counted apart
}
