package codec

import "cashew/codec/acl"

// Users is who a client may be, and what that lets it do. A session calls it on its client's loop, and Welcome where the client is made,
// on the goroutine that accepts. Of a protocol without users, as of a pool that has none, Users is nil, and no client has one.
//
//	client: AUTH alice secret   cl.User = alice
//	        GET b               Refuse; cl.Denied says why
type Users interface {
	// Users are the pool's; nil: it has none.
	Users() *acl.Users

	// Welcome has cl be who a client is that has not said who it is, but by its certificate, and whether it has to.
	Welcome(cl *Client)

	// LogsIn says that cmd, of Kind Local or Switch, has a password that would be judged now: nothing is judged before AppendLocal, or Target.
	LogsIn(cmd *Command) bool

	// Rejoin has cl, who was the user of that name in another configuration of the pool, or in another process, be who that is now. stays
	// is false if there is no such user any more, or nobody may be it, or the client tracks keys and may not any more: it is to be closed. changed: it may do other things than
	// before, and what it has queued in a transaction is not executed.
	Rejoin(cl *Client, name string) (stays, changed bool)
}
