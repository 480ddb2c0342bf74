package memcached

import "cashew/codec"

// parseOther reads a command of one of the rarer shapes. How many words it has is checked here even if
// the server would: to a command of too many it answers in spite of a noreply at its end.
func (p *Protocol) parseOther(s *codec.Scan, cmd *codec.Command, line []byte) {
	var w [5][]byte
	n := words(line, w[:])
	if n == 3 && isVersion(w[2]) {
		refuse(cmd, hangUp, false)
		return
	}
	noreply := n > 1 && n <= len(w) && string(w[n-1]) == "noreply"
	switch commands[cmd.Op].shape {
	case change:
		if n != 3 && n != 4 {
			refuse(cmd, refuseUnknown, false)
			return
		}
		forward(cmd, w[1], noreply)
	case remove:
		if n < 2 || n > 4 {
			refuse(cmd, refuseUnknown, false)
			return
		}
		forward(cmd, w[1], noreply && n > 2)
	case metaDebug:
		if n < 2 {
			refuse(cmd, refuseFormat, false)
			return
		}
		forward(cmd, w[1], false)
		if n > 2 && string(w[2]) == string(flagBase64) {
			cmd.Key = decode(s, cmd.Key)
		}
	case metaNoop:
		answer(cmd, answerNoop, false) // all replies before it are there first: that is the barrier
	case anywhere:
		cmd.Key = placeholder
	case verbosity:
		p.parseVerbosity(cmd, n, noreply)
	case flushAll:
		p.parseFlushAll(cmd, n, noreply)
	case stats:
		p.parseStats(cmd, w[:], n)
	case slabs:
		p.parseSlabs(cmd, noreply, n > 2 && string(w[1]) == "automove")
	case quit:
		cmd.Kind = codec.Quit
	case refused:
		refuse(cmd, refuseAdmin, noreply)
	case refusedAloud:
		refuse(cmd, refuseAdmin, false)
	default:
		refuse(cmd, refuseUnknown, false)
	}
}

// forward sends a command with one key to its server, if it can have such a key.
func forward(cmd *codec.Command, key []byte, noreply bool) {
	if len(key) > maxKey {
		refuse(cmd, refuseFormat, noreply)
		return
	}
	cmd.Key = key
	cmd.NoReply = noreply
}

// parseVerbosity goes to every server if the pool's clients may do that.
func (p *Protocol) parseVerbosity(cmd *codec.Command, n int, noreply bool) {
	switch {
	case n != 2 && n != 3:
		refuse(cmd, refuseUnknown, false)
	case p.admin:
		toAll(cmd)
		cmd.NoReply = noreply
	default:
		refuse(cmd, refuseAdmin, noreply)
	}
}

// parseFlushAll goes to every server if the pool's clients may do that; flush_all may have a delay before its noreply.
func (p *Protocol) parseFlushAll(cmd *codec.Command, n int, noreply bool) {
	switch {
	case n > 3:
		refuse(cmd, refuseUnknown, false)
	case p.admin:
		toAll(cmd)
		cmd.NoReply = noreply
	default:
		refuse(cmd, refuseAdmin, noreply)
	}
}

// parseSlabs goes to every server if the pool's clients may do that. Of its subcommands only automove, with something behind it,
// takes a noreply.
func (p *Protocol) parseSlabs(cmd *codec.Command, noreply, automove bool) {
	if !p.admin {
		refuse(cmd, refuseAdmin, noreply)
		return
	}
	toAll(cmd)
	cmd.NoReply = noreply && automove
}

// parseStats tells of the proxy, or goes to every server with what stands behind the name. To turn the histogram of sizes
// on and off is not for this proxy: the reply is a list without an end.
func (p *Protocol) parseStats(cmd *codec.Command, w [][]byte, n int) {
	switch {
	case !p.admin:
		refuse(cmd, refuseAdmin, false)
		return
	case n == 1:
		cmd.Kind = codec.Report
		return
	}
	toAll(cmd)
	switch string(w[1]) {
	case "settings":
		cmd.Op = opStatsSettings
	case "conns":
		cmd.Op = opStatsConns
	case "sizes_enable", "sizes_disable":
		refuse(cmd, refuseSizes, false)
	default:
		cmd.Op = opStatsOther
	}
}

// toAll has cmd go to every server. A pool of the other protocol may have left both flags true.
func toAll(cmd *codec.Command) {
	cmd.Kind, cmd.Script, cmd.Some, cmd.Alike = codec.Fanout, false, false, false
}
