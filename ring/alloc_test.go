//go:build !race

package ring

import "testing"

func TestDispatchDoesNotAllocate(t *testing.T) {
	key := []byte("some:long:prefix:of:a:key:{user:1000}:and:then:a:long:suffix:too")
	for _, distribution := range Distributions() {
		for _, hash := range HashNames() {
			for _, servers := range []int{0, 1, 10} {
				r := mustBuild(t, Options{Hash: hash, HashTag: "{}", Distribution: distribution, Servers: equalServers(servers)})
				n := testing.AllocsPerRun(100, func() {
					sink += r.Dispatch(key)
					sink += r.Dispatch(key[:20]) // no tag in it
					sink += r.Dispatch(key[:0])
					r.DispatchAll([][]byte{key, key[:20], key[20:], key[:0]}, &[AtOnce]int{})
				})
				if n != 0 {
					t.Errorf("%s, %s, %d servers: Dispatch allocates %v times; want 0", distribution, hash, servers, n)
				}
			}
		}
	}
}
