// What the tests of `millrace top` draw: two upstreams, one of them with an endpoint that is down.
#pragma once

#include <utility>

#include "proxy/top_history.h"

namespace top_example {

inline proxy::TopEndpoint endpoint(const char* address, const char* state, double sessions) {
  proxy::TopEndpoint endpoint;
  endpoint.address = address;
  endpoint.state = state;
  endpoint.sessions = sessions;
  endpoint.weight = 100;
  endpoint.checked = true;
  return endpoint;
}

inline proxy::TopListener listener(const char* name, const char* bind, double sessions) {
  proxy::TopListener listener;
  listener.name = name;
  listener.upstream = name;
  listener.binds = {bind};
  listener.sessions = sessions;
  return listener;
}

// Of the process's first second.
inline proxy::TopStatus status() {
  proxy::TopStatus status;
  status.version = "0.1.0";
  status.transport = "epoll";
  status.state = "ready";
  status.started = 1000;
  status.now = 1001;
  status.generation = 3;
  status.sessions = 12;
  status.resident_bytes = 34.5 * 1024 * 1024;
  status.cpu_seconds = 1;
  status.listeners = {listener("redis", "127.0.0.1:6379", 9), listener("web", "[::]:80", 3)};
  proxy::TopUpstream redis;
  redis.name = "redis";
  redis.balance = "least_sessions";
  redis.sessions = 9;
  redis.pool = proxy::TopPool{.wanted = 8, .idle = 6, .connecting = 2};
  redis.endpoints = {endpoint("10.0.0.1:6379", "up", 9), endpoint("10.0.0.2:6379", "up", 0)};
  proxy::TopUpstream web;
  web.name = "web";
  web.balance = "round_robin";
  web.sessions = 3;
  web.endpoints = {endpoint("10.0.1.1:80", "up", 3), endpoint("10.0.1.2:80", "down", 0)};
  status.upstreams = {redis, web};
  status.workers = {{.index = 0, .engine = "epoll", .sessions = 7, .busy_seconds = 0.5},
                    {.index = 1, .engine = "epoll", .sessions = 5, .busy_seconds = 0.1}};
  status.ends = {{.actor = "client", .cause = "eof", .count = 100}};
  status.setup = {.count = 0, .buckets = {{0.001, 0}, {0.01, 0}}};
  return status;
}

// Two seconds later.
inline proxy::TopStatus later() {
  proxy::TopStatus status = top_example::status();
  status.now += 2;
  status.totals.accepted = 200;
  status.totals.bytes = {2048, 4096};
  status.cpu_seconds = 2;
  status.listeners[0].counters.accepted = 150;
  status.listeners[0].counters.bytes = {2048, 3072};
  status.listeners[1].counters.accepted = 50;
  status.upstreams[0].counters.pool_hits = 30;
  status.upstreams[0].counters.pool_misses = 10;
  status.upstreams[0].counters.bytes = {2048, 3072};
  status.workers[0].busy_seconds = 2.4;
  status.ends[0].count = 300;
  status.ends.push_back({.actor = "proxy", .cause = "connect_refused", .count = 4});
  status.setup = {.count = 100, .buckets = {{0.001, 80}, {0.01, 100}}};
  return status;
}

inline proxy::TopFigures figures_of(proxy::TopStatus first, proxy::TopStatus second) {
  proxy::TopHistory history;
  history.add(std::move(first));
  history.add(std::move(second));
  return history.figures();
}

inline proxy::TopFigures figures() { return figures_of(status(), later()); }

}  // namespace top_example
