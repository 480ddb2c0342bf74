package resp

import (
	"bytes"
	"slices"
	"strings"

	"cashew/codec"
	"cashew/codec/about"
)

// CLIENT TRACKING ON|OFF [REDIRECT id] [BCAST] [PREFIX prefix ...] [OPTIN] [OPTOUT] [NOLOOP]. What is wrong with it is said as by a server.
// One that turns it on has the client have server connections of its own, which are sent the same. With REDIRECT, and where servers change places, it is
// refused, for nobody would tell the client of changes. Whether there is the client that REDIRECT names, no loop knows: such a command is a Report.
//
// Source: redis 7.0 networking.c, clientCommand; tracking.c, checkPrefixCollisionsOrReply.
const (
	errRedirects   = "-ERR A client can only redirect to a single other client\r\n"
	errRedirect    = "-ERR The client ID you want redirect to does not exist\r\n"
	errPrefixBcast = "-ERR PREFIX option requires BCAST mode to be enabled\r\n"
	errOptBcast    = "-ERR OPTIN and OPTOUT are not compatible with BCAST\r\n"
	errTrackForm   = "-ERR CLIENT TRACKING is supported by this proxy in RESP3 alone: send HELLO 3 before\r\n"
	errTrackBcast  = "-ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.\r\n"
	errTrackOpt    = "-ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.\r\n"
	errOptBoth     = "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n"
)

// maxTrackPrefixes are compared with each other, as the server does with any number.
const maxTrackPrefixes = 256

// tracking is what a CLIENT TRACKING asks for.
type tracking struct {
	on                   bool
	bcast, optin, optout bool
	noloop               bool
	redirect             int64
	prefixes             [][]byte
}

// parse reads what stands behind the subcommand's name; there tells whether there is a client with that ID, and is asked in the order of
// the options. refusal is the error reply; "": it may be carried out, or nothing was wrong up to where there is false.
func (t *tracking) parse(args arguments, there func(id int64) bool) (refusal string) {
	mode := args.next()
	for args.left > 0 {
		switch option := args.next(); {
		case equalFold(option, "redirect") && args.left > 0:
			if t.redirect != 0 {
				return errRedirects
			}
			id, ok := parseInt(args.next())
			if !ok {
				return errInteger
			}
			if t.redirect = id; id == 0 || !there(id) {
				return errRedirect
			}
		case equalFold(option, "prefix") && args.left > 0:
			t.prefixes = append(t.prefixes, args.next())
		case equalFold(option, "bcast"):
			t.bcast = true
		case equalFold(option, "optin"):
			t.optin = true
		case equalFold(option, "optout"):
			t.optout = true
		case equalFold(option, "noloop"):
			t.noloop = true
		default:
			return errSyntax
		}
	}
	switch t.on = equalFold(mode, "on"); {
	case t.on:
		return t.collides()
	case !equalFold(mode, "off"):
		return errSyntax
	}
	return ""
}

// collides is the error for options that do not go together, or "".
func (t *tracking) collides() string {
	switch {
	case !t.bcast && len(t.prefixes) > 0:
		return errPrefixBcast
	case t.bcast && (t.optin || t.optout):
		return errOptBcast
	case t.optin && t.optout:
		return errOptBoth
	}
	for i, a := range t.prefixes {
		for _, b := range t.prefixes[i+1 : min(len(t.prefixes), maxTrackPrefixes)] {
			if bytes.HasPrefix(a, b) || bytes.HasPrefix(b, a) {
				text := appendPrintable([]byte("-ERR Prefix '"), a, len(a))
				text = appendPrintable(append(text, "' overlaps with another provided prefix '"...), b, len(b))
				return string(text) + "'. Prefixes for a single client must not overlap.\r\n"
			}
		}
		if i+1 >= maxTrackPrefixes {
			break
		}
	}
	return ""
}

// becomeTracking fills cmd for CLIENT TRACKING.
func (p *Protocol) becomeTracking(cmd *codec.Command) {
	var t tracking
	asks := false
	refusal := t.parse(trackingArgs(cmd.Frame), func(int64) bool { asks = true; return true })
	switch {
	case asks && len(cmd.Frame) > maxReportFrame:
		refuse(cmd, refuseTooLong)
	case asks:
		cmd.Kind = codec.Report
	case refusal != "":
	case t.on && !p.private:
		refuse(cmd, refuseTracking)
	default:
		cmd.Kind = codec.Switch
	}
}

// trackingArgs are the arguments of CLIENT TRACKING behind its name.
func trackingArgs(frame []byte) arguments {
	args := argsOf(frame)
	args.next()
	args.next()
	return args
}

// appendTracking is CLIENT TRACKING without a client to redirect to. What servers are sent then stands in cl.
func appendTracking(dst []byte, cl *codec.Client, args arguments) []byte {
	var t tracking
	switch refusal := t.parse(args, func(int64) bool { return false }); {
	case refusal != "":
		return append(dst, refusal...)
	case !t.on:
		cl.Tracks = nil
		return append(dst, replyOK...)
	case cl.Profile != RESP3:
		return append(dst, errTrackForm...)
	}
	next, refusal := t.after(cl.Tracks)
	if refusal != "" {
		return append(dst, refusal...)
	}
	cl.Tracks = next
	return append(dst, replyOK...)
}

// after is what a client tracks that has sent t, and tracked was before.
func (t *tracking) after(was *codec.Tracking) (next *codec.Tracking, refusal string) {
	next = &codec.Tracking{All: t.bcast, OptIn: t.optin, OptOut: t.optout, NoLoop: t.noloop}
	for _, p := range t.prefixes {
		next.Prefixes = append(next.Prefixes, string(p))
	}
	if was != nil {
		switch {
		case was.All != next.All:
			return nil, errTrackBcast
		case next.OptIn && was.OptOut, next.OptOut && was.OptIn:
			return nil, errTrackOpt
		}
		for _, a := range was.Prefixes {
			for _, b := range next.Prefixes {
				if strings.HasPrefix(a, b) || strings.HasPrefix(b, a) {
					text := appendPrintable([]byte("-ERR Prefix '"), []byte(b), len(b))
					text = appendPrintable(append(text, "' overlaps with an existing prefix '"...), []byte(a), len(a))
					return nil, string(text) + "'. Prefixes for a single client must not overlap.\r\n"
				}
			}
		}
		next.Prefixes = append(slices.Clip(was.Prefixes), next.Prefixes...)
	}
	next.First = appendTracks(nil, next)
	return next, ""
}

// appendTracks is what a server is sent.
func appendTracks(dst []byte, t *codec.Tracking) []byte {
	words := []string{"CLIENT", "TRACKING", "ON"}
	if t.All {
		words = append(words, "BCAST")
	}
	for _, p := range t.Prefixes {
		words = append(words, "PREFIX", p)
	}
	if t.OptIn {
		words = append(words, "OPTIN")
	}
	if t.OptOut {
		words = append(words, "OPTOUT")
	}
	if t.NoLoop {
		words = append(words, "NOLOOP")
	}
	return append(dst, bulks(words...)...)
}

// AppendCaching implements codec.Tracked.
func (p *Protocol) AppendCaching(dst []byte, yes bool) []byte {
	if yes {
		return p.AppendTracksNext(dst)
	}
	return append(dst, "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$2\r\nNO\r\n"...)
}

// KeepsCaching implements codec.Tracked: those of CLIENT do. Source: redis 7.0 networking.c, resetClient.
func (*Protocol) KeepsCaching(op uint16) bool {
	return strings.HasPrefix(commands[op].name, "client|")
}

// AppendForgotten implements codec.Tracked.
func (*Protocol) AppendForgotten(dst []byte) []byte {
	return append(dst, ">2\r\n$10\r\ninvalidate\r\n_\r\n"...)
}

// Tells implements codec.Tracked: what else a server pushes is not about what a client tracks.
func (*Protocol) Tells(push []byte) bool {
	return bytes.HasPrefix(push, []byte(">2\r\n$10\r\ninvalidate\r\n"))
}

// appendCaching is CLIENT CACHING.
func appendCaching(dst []byte, cl *codec.Client, args arguments) []byte {
	t, word := cl.Tracks, args.next()
	yes := equalFold(word, "yes")
	switch {
	case t == nil:
		return append(dst, errNotTracking...)
	case !yes && !equalFold(word, "no"):
		return append(dst, errSyntax...)
	case yes && !t.OptIn:
		return append(dst, "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.\r\n"...)
	case !yes && !t.OptOut:
		return append(dst, "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.\r\n"...)
	}
	cl.Caching = true
	return append(dst, replyOK...)
}

// appendRedirected is CLIENT TRACKING with a client to redirect to.
func appendRedirected(dst []byte, args arguments, proxy about.Proxy) []byte {
	var t tracking
	lines := proxy.Clients()
	refusal := t.parse(args, func(id int64) bool {
		return slices.ContainsFunc(lines, func(c about.ClientLine) bool { return int64(c.ID) == id })
	})
	switch {
	case refusal != "":
		return append(dst, refusal...)
	case t.on:
		return append(append(append(dst, '-'), refuseTracking...), crlf...)
	}
	return append(dst, replyOK...)
}

// appendTrackingInfo is CLIENT TRACKINGINFO.
func appendTrackingInfo(dst []byte, cl *codec.Client) []byte {
	t := cl.Tracks
	dst = appendMapHeader(dst, cl.Profile, 3)
	dst = appendBulk(dst, "flags")
	if t == nil {
		dst = appendSetHeader(dst, cl.Profile, 1)
		dst = appendBulk(dst, "off")
		return append(dst, "$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"...)
	}
	flags := []string{"on"}
	for _, f := range [...]struct {
		is   bool
		name string
	}{
		{t.All, "bcast"},
		{t.OptIn, "optin"},
		{t.OptIn && cl.Caching, "caching-yes"},
		{t.OptOut, "optout"},
		{t.OptOut && cl.Caching, "caching-no"},
		{t.NoLoop, "noloop"},
	} {
		if f.is {
			flags = append(flags, f.name)
		}
	}
	dst = appendSetHeader(dst, cl.Profile, len(flags))
	for _, f := range flags {
		dst = appendBulk(dst, f)
	}
	dst = append(dst, "$8\r\nredirect\r\n:0\r\n$8\r\nprefixes\r\n"...)
	prefixes := t.Prefixes
	if t.All && len(prefixes) == 0 {
		prefixes = []string{""} // as a server has it
	}
	dst = appendHeader(dst, '*', len(prefixes))
	for _, p := range prefixes {
		dst = appendBulk(dst, p)
	}
	return dst
}
