// Google's Go client on one timeline: mirror ROOT TOKEN. Prints what it saw as one JSON line.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"net/http"
	"os"

	"google.golang.org/api/googleapi"
	mirror "google.golang.org/api/mirror/v1"
	"google.golang.org/api/option"
)

type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func code(err error) int {
	if found, ok := err.(*googleapi.Error); ok {
		return found.Code
	}
	return 0
}

func main() {
	client := &http.Client{Transport: bearer{os.Args[2]}}
	api, err := mirror.NewService(context.Background(), option.WithHTTPClient(client), option.WithEndpoint(os.Args[1]+"mirror/v1/"))
	must(err)
	saw := map[string]interface{}{}
	cards, err := api.Timeline.List().Do()
	must(err)
	saw["cards"] = cards.Items
	large := bytes.Repeat([]byte{0, 13, 10, 45, 45, 255}, 100_000)
	item, err := api.Timeline.Insert(&mirror.TimelineItem{Text: "Film"}).Media(bytes.NewReader(large), googleapi.ContentType("video/mp4"), googleapi.ChunkSize(256*1024)).Do()
	must(err)
	saw["item"] = item
	small, err := api.Timeline.Attachments.Insert(item.Id).Media(bytes.NewReader([]byte("sound")), googleapi.ContentType("audio/ogg")).Do()
	must(err)
	saw["attached"] = small
	response, err := api.Timeline.Attachments.Get(item.Id, item.Attachments[0].Id).Download()
	must(err)
	back, err := ioutil.ReadAll(response.Body)
	must(err)
	saw["same"] = bytes.Equal(back, large)
	patched, err := api.Timeline.Patch(item.Id, &mirror.TimelineItem{Text: "Autre"}).Do()
	must(err)
	saw["patched"] = patched.Text
	_, err = api.Contacts.Insert(&mirror.Contact{Id: "c", DisplayName: "C", ImageUrls: []string{"https://example.org/c.png"}}).Do()
	must(err)
	contacts, err := api.Contacts.List().Do()
	must(err)
	saw["contacts"] = len(contacts.Items)
	locale, err := api.Settings.Get("locale").Do()
	must(err)
	saw["locale"] = locale.Value
	must(api.Timeline.Delete(item.Id).Do())
	gone, err := api.Timeline.Get(item.Id).Do()
	must(err)
	saw["deleted"] = gone.IsDeleted
	_, err = api.Subscriptions.Insert(&mirror.Subscription{Collection: "timeline", CallbackUrl: "https://evil.example/x"}).Do()
	saw["refused"] = code(err)
	_, err = api.Timeline.Get("nobody").Do()
	saw["missing"] = code(err)
	line, err := json.Marshal(saw)
	must(err)
	fmt.Println(string(line))
}
