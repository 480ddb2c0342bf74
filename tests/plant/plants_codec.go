package main

// codecPlants are faults of those who take bytes apart and put them together again: where a scan goes on behind a cut, how long something is,
// which fragment has the next value.
var codecPlants = []plant{
	// Commands of Redis.
	{"resp-cut-command-forgets-its-name", "codec/resp/command.go", "s.Need, s.Pos, s.Left, s.Index, s.Op = need, pos, left, index, op", "s.Need, s.Pos, s.Left, s.Index, s.Op = need, pos, left, index, 0"},
	{"resp-cut-command-loses-a-key", "codec/resp/command.go", "s.Keys = append(s.Keys[:0], keys...)", "s.Keys = append(s.Keys[:0], keys[:max(len(keys)-1, min(len(keys), 1))]...)"},
	{"resp-resumes-one-argument-early", "codec/resp/command.go", "s.Pos, s.Left, s.Index, s.Op = next, left, argc-left, op", "s.Pos, s.Left, s.Index, s.Op = next, left, argc-left-1, op"},
	{"resp-waits-for-a-byte-too-many", "codec/resp/command.go", "		need = body + n + 2", "		need = body + n + 3"},
	{"resp-length-cut-before-its-lf", "codec/resp/command.go", "	if i+1 == len(buf) {\n		return 0, incomplete", "	if i+1 == len(buf) {\n		return 0, malformed"},
	{"resp-last-key-is-not-taken", "codec/resp/keys.go", "pl.next += n * pl.step; pl.next > pl.last {", "pl.next += n * pl.step; pl.next >= pl.last {"},
	{"resp-value-without-its-key", "codec/resp/command.go", "			keys[len(keys)-1].End = uint32(end)", "			keys[len(keys)-1].Start = uint32(pos)"},

	// Replies of Redis.
	{"resp-length-remembers-the-last", "codec/resp/reply.go", "s.State, s.Neg, s.Num, s.Line = kind, false, 0, 0", "s.State, s.Neg, s.Line = kind, false, 0"},
	{"resp-cut-null-is-malformed", "codec/resp/reply.go", "s.Num == 1 && (kind == '$' || kind == '*')", "s.Num == 1 && kind == '*'"},
	{"resp-map-counts-its-pairs", "codec/resp/reply.go", "	if kind == '%' || kind == '|' {\n		n *= 2", "	if kind == '|' {\n		n *= 2"},
	{"resp-array-runs-over", "codec/resp/plain.go", "	for ; passed < most && uint(pos)", "	for ; passed <= most && uint(pos)"},
	{"resp-status-cut-before-its-lf", "codec/resp/reply.go", "	cr := s.State&sawCR != 0", "	cr := false"},
	{"resp-body-ends-at-a-cut", "codec/resp/reply.go", "			if s.Skip == 0 && elementDone(s) {", "			if (s.Skip == 0 || s.Skip == 2 && pos == len(buf)) && elementDone(s) {"},
	{"resp-nested-array-takes-a-brother", "codec/resp/reply.go", "depth > 0 && s.Stack[depth-1] == 1 && n != chunks", "depth > 0 && s.Stack[depth-1] <= 2 && n != chunks"},
	{"resp-attribute-ends-a-reply", "codec/resp/reply.go", "	if kind == '|' {\n		n = -n\n	}\n", ""},
	{"resp-empty-attribute-is-a-reply", "codec/resp/reply.go", "		return kind != '|', nil", "		return true, nil"},
	{"resp-streamed-string-ends-early", "codec/resp/reply.go", "			if *top == chunks {\n				return false", "			if *top == chunks && s.Num > 9 {\n				return false"},

	// Fragments of Redis.
	{"resp-sum-of-the-last-fragment", "codec/resp/fragment.go", "		sum += n", "		sum = n"},
	{"resp-gather-goes-by-position", "codec/resp/fragment.go", "		cursor[part] = end", "		cursor[int(part)%max(len(replies)-1, 1)] = end"},
	{"resp-attributes-of-a-fragment", "codec/resp/fragment.go", "			r = withoutAttributes(r)\n", ""},

	// memcached.
	{"mc-waits-for-a-byte-too-many", "codec/memcached/command.go", "	s.Pos, s.Need = len(buf), len(buf)+1\n	return 0, nil", "	s.Pos, s.Need = len(buf), len(buf)+2\n	return 0, nil"},
	{"mc-line-goes-on-too-early", "codec/memcached/command.go", "	if s.Pos != 0 {\n		s.Reset()\n	}\n", ""},
	{"mc-cut-set-is-a-byte-short", "codec/memcached/store.go", "	frame := s.Pos + s.Left + 2", "	frame := s.Pos + s.Left + 1"},
	{"mc-cut-set-behind-spaces", "codec/memcached/store.go", "	finish(s, buf[n-frame:n], s.Keys[0], cmd)", "	finish(s, buf[:frame], s.Keys[0], cmd)"},
	{"mc-cut-set-forgets-noreply", "codec/memcached/store.go", "	cmd.NoReply = s.Index == 1\n", ""},
	{"mc-size-begins-with-a-one", "codec/memcached/reply.go", "				s.State, s.Num = inFlags, 0", "				s.State = inFlags"},
	{"mc-meta-value-goes-on", "codec/memcached/reply.go", "			if s.Skip == 0 && s.Depth == sized {", "			if s.Skip == 0 && s.Depth == sized && pos == len(buf) {"},
	{"mc-cut-value-is-of-the-other-kind", "codec/memcached/reply.go", "		if s.Depth = values; kind == sized {", "		if s.Depth = values; kind == sized && len(buf) == line {"},
	{"mc-end-behind-a-value-is-another-reply", "codec/memcached/reply.go", "			s.Depth = values\n			return end, false", "			s.Depth = values\n			return end, end == len(buf)"},
	{"mc-gather-takes-a-value-again", "codec/memcached/fragment.go", "		g.Cursor[part] += end", "		g.Cursor[part] = end"},
	{"mc-gather-stops-at-a-miss", "codec/memcached/fragment.go", "			continue\n		}\n		line, size", "			break\n		}\n		line, size"},
	{"mc-gather-hides-an-error", "codec/memcached/fragment.go", "		if isError(rest) { // memory ran out in the middle\n			return append(dst[:start], rest...)\n		}\n", "		if isError(rest) {\n			continue\n		}\n"},
	{"mc-binary-quiet-hit-has-another-opcode", "codec/memcached/binary_answers.go", "	reply[1] = opcode\n	return false", "	return false"},
	{"mc-binary-quiet-success-is-told", "codec/memcached/binary_answers.go", "	if statusOf(reply) == silent {", "	if statusOf(reply) == silent && silent == statusMiss {"},
	{"mc-binary-quiet-is-sent-so", "codec/memcached/binary.go", "		cmd.Frame[1] = c.loud\n", ""},
	{"mc-binary-cut-header-forgets-its-end", "codec/memcached/binary_reply.go", "		if i := s.Line; i < 16 {", "		if i := s.Line; i < 15 {"},
	{"mc-binary-body-is-whole-at-a-cut", "codec/memcached/binary_reply.go", "			if s.Skip -= int64(k); s.Skip > 0 {", "			if s.Skip -= int64(k); s.Skip > 4<<10 {"},
	{"mc-binary-failure-is-anothers", "codec/memcached/binary_answers.go", "		return appendFrame(dst, m, statusInternal, text)", "		return appendFrame(dst, m&^0xff, statusInternal, text)"},
	{"mc-binary-waits-for-a-byte-too-many", "codec/memcached/binary.go", "	if len(buf) < n {\n		s.Need = n", "	if len(buf) <= n && h.body > 60 {\n		s.Need = n + 1"},
	{"mc-quiet-flag-goes-on", "codec/memcached/meta.go", "	for i := range q {\n		q[i] = ' '\n	}\n", "	_ = q\n"},
	{"mc-quiet-hit-is-hidden", "codec/memcached/meta.go", "		return code == \"EN\"", "		return code == \"EN\" || code == \"HD\""},
}
