package resp

import (
	"bytes"
	"slices"

	"cashew/codec"
	"cashew/codec/about"
)

// CLIENT TRACKING ON|OFF [REDIRECT id] [BCAST] [PREFIX prefix ...] [OPTIN] [OPTOUT] [NOLOOP]. What is wrong with it is said as by a server;
// one that would turn it on is refused, for nobody would tell the client of changes. Whether there is the client that REDIRECT names, no
// loop knows: such a command is a Report.
//
// Source: redis 7.0 networking.c, clientCommand; tracking.c, checkPrefixCollisionsOrReply.
const (
	errRedirects   = "-ERR A client can only redirect to a single other client\r\n"
	errRedirect    = "-ERR The client ID you want redirect to does not exist\r\n"
	errPrefixBcast = "-ERR PREFIX option requires BCAST mode to be enabled\r\n"
	errOptBcast    = "-ERR OPTIN and OPTOUT are not compatible with BCAST\r\n"
	errOptBoth     = "-ERR You can't specify both OPTIN mode and OPTOUT mode\r\n"
)

// maxTrackPrefixes are compared with each other, as the server does with any number.
const maxTrackPrefixes = 256

// tracking is what a CLIENT TRACKING asks for.
type tracking struct {
	on                   bool
	bcast, optin, optout bool
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
func becomeTracking(cmd *codec.Command) {
	var t tracking
	asks := false
	refusal := t.parse(trackingArgs(cmd.Frame), func(int64) bool { asks = true; return true })
	switch {
	case asks && len(cmd.Frame) > maxReportFrame:
		refuse(cmd, refuseTooLong)
	case asks:
		cmd.Kind = codec.Report
	case refusal == "" && t.on:
		refuse(cmd, refuseTracking)
	}
}

// trackingArgs are the arguments of CLIENT TRACKING behind its name.
func trackingArgs(frame []byte) arguments {
	args := argsOf(frame)
	args.next()
	args.next()
	return args
}

// appendTracking is CLIENT TRACKING without a client to redirect to, unless that turns it on.
func appendTracking(dst []byte, args arguments) []byte {
	var t tracking
	if refusal := t.parse(args, func(int64) bool { return false }); refusal != "" {
		return append(dst, refusal...)
	}
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

// appendTrackingInfo is CLIENT TRACKINGINFO of a client that does not track.
func appendTrackingInfo(dst []byte, pr codec.Profile) []byte {
	dst = appendMapHeader(dst, pr, 3)
	dst = appendBulk(dst, "flags")
	dst = appendSetHeader(dst, pr, 1)
	dst = appendBulk(dst, "off")
	return append(dst, "$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"...)
}
