package memcached

import "cashew/codec"

// noPubSub implements codec.PubSub: memcached has none, and of all this nothing but Sorts is ever called.
type noPubSub struct{}

func (noPubSub) Sorts() int                                                 { return 0 }
func (noPubSub) Subscribes(*codec.Command) (sort int, begins bool)          { return 0, false }
func (noPubSub) Unsubscribed([]byte) (sort int, name []byte, ok bool)       { return 0, nil, false }
func (noPubSub) Everywhere(int, []byte) bool                                { return false }
func (noPubSub) AppendSubscribe(dst []byte, _ int, _ []byte, _ bool) []byte { return dst }
func (noPubSub) AppendStay(dst []byte) []byte                               { return dst }
func (noPubSub) Message([]byte) (sort int, name []byte, ok bool)            { return 0, nil, false }

func (noPubSub) AnswersSubscribe([]byte, int, []byte, bool) (fits, refused bool) { return false, false }
func (noPubSub) AnswersStay([]byte) bool                                         { return false }
func (noPubSub) AppendMessage(dst []byte, _ codec.Profile, _ []byte) []byte      { return dst }
func (noPubSub) AppendSubscribed(dst []byte, _ *codec.Client, _ int, _ []byte, _ bool, _ []int) []byte {
	return dst
}
