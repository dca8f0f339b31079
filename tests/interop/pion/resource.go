package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// resource is one WHIP or WHEP resource (RFC 9725).
type resource struct {
	url, location, answer string
}

func exchange(method, url, contentType, body string, header map[string]string, wanted int) (*http.Response, string, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Content-Type", contentType)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != wanted {
		err = fmt.Errorf("%s: %s: %s", method, response.Status, text)
	}
	return response, string(text), err
}

func (r *resource) post(offer string) (string, error) {
	response, answer, err := exchange("POST", r.url, "application/sdp", offer, nil, http.StatusCreated)
	if err != nil {
		return "", err
	}
	base, err := url.Parse(r.url)
	if err != nil {
		return "", err
	}
	location, err := base.Parse(response.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	r.location, r.answer = location.String(), answer
	return answer, nil
}

// lines returns those lines of an SDP that begin with one of the prefixes.
func lines(sdp string, prefixes ...string) []string {
	var found []string
	scanner := bufio.NewScanner(strings.NewReader(sdp))
	for scanner.Scan() {
		for _, prefix := range prefixes {
			if strings.HasPrefix(scanner.Text(), prefix) {
				found = append(found, scanner.Text())
			}
		}
	}
	return found
}

// patch restarts ICE (RFC 9725 section 4.3.3): the new credentials of the offer go to the server, the answer is the old one with its new ones.
func (r *resource) patch(offer string) (string, error) {
	credentials := lines(offer, "a=ice-ufrag:", "a=ice-pwd:")
	media := lines(offer, "m=", "a=mid:")
	if len(credentials) < 2 || len(media) < 2 {
		return "", fmt.Errorf("no credentials in the offer")
	}
	fragment := strings.Join(append(credentials[:2:2], media[:2]...), "\r\n") + "\r\na=end-of-candidates\r\n"
	_, reply, err := exchange("PATCH", r.location, "application/trickle-ice-sdpfrag", fragment,
		map[string]string{"If-Match": "*"}, http.StatusOK)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"a=ice-ufrag:", "a=ice-pwd:"} {
		before, after := lines(r.answer, name), lines(reply, name)
		if len(before) == 0 || len(after) == 0 || before[0] == after[0] {
			return "", fmt.Errorf("no new %s in the reply", name)
		}
		r.answer = strings.ReplaceAll(r.answer, before[0], after[0])
	}
	return r.answer, nil
}

func (r *resource) remove() {
	if r.location != "" {
		_, _, _ = exchange("DELETE", r.location, "", "", nil, http.StatusOK)
	}
}
