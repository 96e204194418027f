#include "restore/needs.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <functional>

namespace cg::restore {
namespace {

using namespace checkpoint;

bool has_kind(const Checkpoint& images, FileKind kind) {
  return std::ranges::any_of(images.files, [&](const auto& file) { return file.second.kind == kind; });
}

template <class Predicate>
bool any_socket(const Checkpoint& images, Predicate predicate) {
  return std::ranges::any_of(images.files, [&](const auto& file) {
    return file.second.internet && predicate(*file.second.internet);
  });
}

template <class Predicate>
bool any_task(const Checkpoint& images, Predicate predicate) {
  return std::ranges::any_of(images.tasks, predicate);
}

bool has_mapping(const Checkpoint& images, std::uint32_t kind) {
  return any_task(images, [&](const Task& task) {
    return std::ranges::any_of(task.mappings,
                               [&](const Mapping& mapping) { return (mapping.kind & kind) != 0; });
  });
}

struct Need {
  const char* name;
  std::function<bool(const Checkpoint&)> has;
};

const std::vector<Need>& features() {
  static const std::vector<Need> table = {
      {"aio",
       [](const Checkpoint& c) {
         return any_task(c, [](const Task& task) { return task.async_rings > 0; });
       }},
      {"cgroup-namespace", [](const Checkpoint& c) { return c.own(&Objects::cgroup); }},
      {"epoll", [](const Checkpoint& c) { return has_kind(c, FileKind::epoll); }},
      {"eventfd", [](const Checkpoint& c) { return has_kind(c, FileKind::eventfd); }},
      {"fanotify", [](const Checkpoint& c) { return has_kind(c, FileKind::fanotify); }},
      {"inotify", [](const Checkpoint& c) { return has_kind(c, FileKind::inotify); }},
      {"ipv6",
       [](const Checkpoint& c) {
         return any_socket(c, [](const InternetSocket& socket) { return socket.family == AF_INET6; });
       }},
      {"memfd", [](const Checkpoint& c) { return has_kind(c, FileKind::memfd); }},
      {"netlink-sockets", [](const Checkpoint& c) { return has_kind(c, FileKind::netlink_socket); }},
      {"packet-sockets", [](const Checkpoint& c) { return has_kind(c, FileKind::packet_socket); }},
      {"seccomp",
       [](const Checkpoint& c) { return any_task(c, [](const Task& task) { return task.seccomp; }); }},
      {"signalfd", [](const Checkpoint& c) { return has_kind(c, FileKind::signalfd); }},
      {"sysvipc",
       [](const Checkpoint& c) { return has_mapping(c, mapping_kind::sysv_shared) || c.own(&Objects::ipc); }},
      {"time-namespace", [](const Checkpoint& c) { return c.own(&Objects::time); }},
      {"timerfd", [](const Checkpoint& c) { return has_kind(c, FileKind::timerfd); }},
      {"tty", [](const Checkpoint& c) { return has_kind(c, FileKind::terminal); }},
      {"tun", [](const Checkpoint& c) { return has_kind(c, FileKind::tun); }},
      {"user-namespace", [](const Checkpoint& c) { return c.own(&Objects::user); }},
  };
  return table;
}

// Rows that are asked of every restore by their severity, and matter to some only.
const std::vector<Need>& conditional_rows() {
  static const std::vector<Need> table = {
      {"kernel.inet",
       [](const Checkpoint& c) { return any_socket(c, [](const InternetSocket&) { return true; }); }},
      {"system.gzip",
       [](const Checkpoint& c) {
         return std::ranges::any_of(c.image_sizes,
                                    [](const auto& one) { return one.first.contains(".tar.gz"); });
       }},
      {"window.detached-propagation", [](const Checkpoint& c) { return c.own(&Objects::mount); }},
  };
  return table;
}

bool concerns(const Checkpoint& images, const MatrixRow& row, const std::set<std::string>& wanted) {
  if (row.severity == Severity::feature) return wanted.contains(row.feature);
  if (row.severity != Severity::startup && row.severity != Severity::restore) return false;
  const auto conditional =
      std::ranges::find_if(conditional_rows(), [&](const Need& need) { return row.id == need.name; });
  return conditional == conditional_rows().end() ? !row.by_tree : conditional->has(images);
}

}  // namespace

std::set<std::string> needed_features(const Checkpoint& images) {
  std::set<std::string> names;
  for (const auto& feature : features())
    if (feature.has(images)) names.insert(feature.name);
  return names;
}

Matrix rows_for_restore(const Checkpoint& images, const Matrix& matrix, const Version& criu) {
  const auto wanted = needed_features(images);
  Matrix rows;
  for (const auto& row : matrix.rows)
    if (row.criu.contains(criu) && concerns(images, row, wanted)) rows.rows.push_back(row);
  return rows;
}

KernelAnswer judge_kernel(const Checkpoint& images, const Matrix& matrix, const Version& criu,
                          const Evidence& evidence, const std::vector<std::string>* given) {
  const Matrix rows = rows_for_restore(images, matrix, criu);
  KernelAnswer answer;
  for (auto& finding : judge(rows, {criu, needed_features(images)}, evidence)) {
    const auto row = std::ranges::find(rows.rows, finding.id, &MatrixRow::id);
    const std::string environment = row == rows.rows.end() ? "" : row->environment;
    if (finding.verdict == Verdict::pass || finding.verdict == Verdict::not_applicable) continue;
    if (finding.verdict == Verdict::unknown) {
      finding.required = false;
    } else if (finding.verdict == Verdict::fail && !environment.empty()) {
      if (given && std::ranges::find(*given, environment) != given->end()) continue;
      if (!given) {
        finding.verdict = Verdict::warn;
        finding.required = false;
        if (std::ranges::find(answer.environment, environment) == answer.environment.end())
          answer.environment.push_back(environment);
      }
    }
    answer.findings.push_back(std::move(finding));
  }
  return answer;
}

}  // namespace cg::restore
