//go:build unix

package faults

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"cashew/tests/processtest"
)

// TestLoadNotices checks the checker: a server that is spoilt in one of the ways that must never come through a proxy, with
// no proxy before it.
func TestLoadNotices(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		for _, c := range []struct {
			name  string
			want  string
			spoil func(s *scripted) deliver
		}{
			{"a reply twice", crossed, func(*scripted) deliver {
				return func(conn *net.TCPConn, _, reply []byte) bool {
					return faithful(conn, nil, append(append([]byte(nil), reply...), reply...))
				}
			}},
			{"the reply to the request before", crossed, func(*scripted) deliver {
				var mu sync.Mutex
				before := map[*net.TCPConn][]byte{}
				return func(conn *net.TCPConn, _, reply []byte) bool {
					mu.Lock()
					defer mu.Unlock()
					last := before[conn]
					before[conn] = reply
					if last == nil {
						last = reply
					}
					return faithful(conn, nil, last)
				}
			}},
			{"a lost write", crossed, func(s *scripted) deliver {
				return func(conn *net.TCPConn, request, reply []byte) bool {
					s.mu.Lock()
					if s.asked%50 == 0 {
						clear(s.values)
					}
					s.mu.Unlock()
					return faithful(conn, nil, reply)
				}
			}},
			{"an old value", crossed, func(s *scripted) deliver {
				old := map[string]string{}
				return func(conn *net.TCPConn, request, reply []byte) bool {
					s.mu.Lock()
					if s.asked%500 == 0 {
						for k, v := range old {
							s.values[k] = v
						}
						for k, v := range s.values {
							old[k] = v
						}
					}
					s.mu.Unlock()
					return faithful(conn, nil, reply)
				}
			}},
			{"no such error", surprising, func(s *scripted) deliver {
				text := map[dialect]string{redis: "-ERR what\r\n", memcached: "SERVER_ERROR what\r\n"}[s.d]
				var n atomic.Int64
				return func(conn *net.TCPConn, _, reply []byte) bool {
					if n.Add(1)%100 == 0 && len(reply) > 0 {
						reply = []byte(text)
					}
					return faithful(conn, nil, reply)
				}
			}},
			{"a close", closed, func(*scripted) deliver {
				var n atomic.Int64
				return func(conn *net.TCPConn, _, reply []byte) bool {
					_, err := conn.Write(reply)
					return err == nil && n.Add(1)%100 != 0
				}
			}},
		} {
			t.Run(name+" "+c.name, func(t *testing.T) {
				s := startScripted(t, d, faithful)
				l := startLoad(&load{d: d, name: "l", addr: s.addr, tally: newTally()}, 3, 70)
				if !l.more(processtest.Patience, 20) || l.fatal() {
					t.Errorf("before it is spoilt: %v", l.tally.told)
				}
				s.set(c.spoil(s))
				processtest.Poll(processtest.Patience, l.fatal)
				s.set(faithful)
				s.cutAll()
				l.end()
				if l.tally.wrong[c.want] == 0 {
					t.Errorf("noticed %v, want %s", l.tally, c.want)
				}
			})
		}
	}
}
