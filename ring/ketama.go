package ring

import (
	"crypto/md5"
	"encoding/binary"
	"math"
	"strconv"
)

const (
	ketamaPointsPerServer = 160 // of a server with average weight
	ketamaPointsPerHash   = 4   // an MD5 sum is cut into this many values
	ketamaHostMax         = 272 // bytes of "name-number" that are hashed; twemproxy's buffer ends there
)

// ketama builds the continuum of the live servers (indexes into servers, ascending, at least one).
//
// The MD5 sums of "name-0", "name-1", ... are points of the server, four in each. How many follows from the weight and
// from the number of live servers, so an ejection can change the other servers' numbers too.
//
// Source: twemproxy src/hashkit/nc_ketama.c, ketama_update and ketama_hash.
func ketama(servers []Server, live []int) continuum {
	var total uint32
	for _, s := range live {
		total += uint32(servers[s].Weight)
	}
	points := make([]point, 0, len(live)*ketamaPointsPerServer)
	var host []byte
	for _, s := range live {
		for i := range ketamaHashes(uint32(servers[s].Weight), total, len(live)) {
			host = append(host[:0], servers[s].Name...)
			host = append(host, '-')
			host = strconv.AppendInt(host, int64(i), 10)
			sum := md5.Sum(host[:min(len(host), ketamaHostMax)])
			for x := 0; x < len(sum); x += len(sum) / ketamaPointsPerHash {
				points = append(points, newPoint(binary.LittleEndian.Uint32(sum[x:]), s))
			}
		}
	}
	return newContinuum(points, math.MaxUint32)
}

// ketamaHashes returns how many sums, of four points each, a server has. It is 0 for one that is very light beside the
// others: such a server gets no keys.
//
// twemproxy computes in C floats and rounds down, which loses a sum (39, not 40) for 25 equal servers and some other
// counts; float64 would place keys differently. Each conversion below is one rounding: Go may fuse x*y + z into one
// operation with one rounding (on arm64 it does), but not across an explicit conversion.
func ketamaHashes(weight, total uint32, live int) int {
	share := float32(float32(weight) / float32(total))
	points := float32(share * ketamaPointsPerServer)
	hashes := float32(points / ketamaPointsPerHash)
	hashes = float32(hashes * float32(live))
	return int(math.Floor(float64(float32(float64(hashes) + 1e-10))))
}
