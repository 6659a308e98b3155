// Package errorbody gives the errors of the gateway itself the body that errors of the services have.
//
// Traefik's own middleware "errors" cannot: it looks at the status alone, and would replace the 429
// of a login throttle and the 503 of a full queue as well. This one looks at the content type too.
// A service answers its errors as JSON or as a page; Traefik answers plain text, or no type at all.
package errorbody

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// Config is what the middleware takes.
type Config struct {
	// RetryAfterSeconds is the shortest Retry-After of an answer that has none. Up to two more are
	// added by chance, so that clients do not all come back together.
	RetryAfterSeconds int `json:"retryAfterSeconds,omitempty"`
	// Status, where it is not 0, is the answer to every request: nothing behind is asked.
	Status int `json:"status,omitempty"`
}

// CreateConfig answers the defaults.
func CreateConfig() *Config {
	return &Config{RetryAfterSeconds: 1}
}

type middleware struct {
	next   http.Handler
	config *Config
}

// New is how Traefik makes a middleware of the plugin.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	return &middleware{next: next, config: config}, nil
}

func (m *middleware) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	if m.config.Status != 0 {
		answer(response, request, m.config, m.config.Status)
		return
	}
	// Traefik's interpreter hides from what comes after that a writer of ours can flush, so events of a
	// stream would wait for each other. EventSource always sends this header, and reads no error body.
	if strings.Contains(request.Header.Get("Accept"), "text/event-stream") {
		m.next.ServeHTTP(response, request)
		return
	}
	w := &writer{ResponseWriter: response, request: request, config: m.config}
	m.next.ServeHTTP(w, request)
	// A 500 without a single byte is that of ForwardAuth: identity could not be asked. Nothing was
	// done then, and the next request may succeed.
	if w.isEmptyError {
		w.isEmptyError = false
		answer(response, request, m.config, http.StatusServiceUnavailable)
	}
}

// writer lets everything through but the errors of the gateway, whose text it replaces.
type writer struct {
	http.ResponseWriter
	request      *http.Request
	config       *Config
	isReplaced   bool
	isEmptyError bool
}

func (w *writer) WriteHeader(status int) {
	if w.isReplaced {
		return
	}
	if status < 400 || !isPlain(w.Header().Get("Content-Type")) {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.isReplaced = true
	if status == http.StatusInternalServerError {
		w.isEmptyError = true
		return
	}
	answer(w.ResponseWriter, w.request, w.config, status)
}

func (w *writer) Write(bytes []byte) (int, error) {
	if !w.isReplaced {
		return w.ResponseWriter.Write(bytes)
	}
	if w.isEmptyError && len(bytes) > 0 {
		w.isEmptyError = false
		answer(w.ResponseWriter, w.request, w.config, http.StatusInternalServerError)
	}
	return len(bytes), nil
}

func isPlain(contentType string) bool {
	return contentType == "" || strings.HasPrefix(contentType, "text/plain")
}

func answer(response http.ResponseWriter, request *http.Request, config *Config, status int) {
	code, message := explain(status)
	body := `{"code":"` + code + `","message":"` + message + `","traceId":"` + traceID(request) + `"}`
	header := response.Header()
	header.Del("Content-Encoding")
	header.Del("ETag")
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	if isForLater(status) && header.Get("Retry-After") == "" {
		header.Set("Retry-After", strconv.Itoa(config.RetryAfterSeconds+chance(3)))
	}
	response.WriteHeader(status)
	_, _ = response.Write([]byte(body))
}

// The codes are those of services/common/src/http, where a service can answer the same.
func explain(status int) (string, string) {
	switch status {
	case http.StatusNotFound:
		return "request.not_found", "There is nothing at this address."
	case http.StatusRequestEntityTooLarge:
		return "request.body_too_large", "The body is too large."
	case http.StatusTooManyRequests:
		return "request.too_many", "Too many requests. Try again shortly."
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return "service.no_answer", "The service gave no answer. What was asked may have been done."
	case http.StatusServiceUnavailable:
		return "service.unavailable", "The service cannot answer just now. Try again shortly."
	}
	if status < 500 {
		return "request.invalid", "The request is not valid."
	}
	return "internal_error", "Something went wrong on our side."
}

func isForLater(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return true
	}
	return false
}

// traceID takes the trace that the request belongs to, or begins one.
func traceID(request *http.Request) string {
	parts := strings.Split(request.Header.Get("Traceparent"), "-")
	if len(parts) == 4 && len(parts[1]) == 32 && isHex(parts[1]) {
		return parts[1]
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return hex.EncodeToString(id)
}

func isHex(text string) bool {
	return strings.Trim(text, "0123456789abcdef") == ""
}

func chance(below int) int {
	one := make([]byte, 1)
	_, _ = rand.Read(one)
	return int(one[0]) % below
}
