#include "tasks/system.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace cg::tree {
namespace {

bool has_socket_of(const Snapshot& tree, std::initializer_list<int> families) {
  return std::ranges::any_of(tree.tasks, [&](const Task& task) {
    return std::ranges::any_of(task.files, [&](const OpenFile& file) {
      const auto socket = file.socket == 0 ? tree.sockets.end() : tree.sockets.find(file.socket);
      return socket != tree.sockets.end() &&
             std::ranges::find(families, socket->second.family) != families.end();
    });
  });
}

// Each connection of a tree in criu's own network namespace is locked by iptables; one that is closed and
// knows its peer, too.
bool locks_connections(const Snapshot& tree, const DumpOptions& options, int family) {
  if (tree.has_own(Namespace::net) || options.tcp_close || !options.locks_by_iptables) return false;
  constexpr int closed = 7;
  constexpr int listening = 10;
  return std::ranges::any_of(tree.tasks, [&](const Task& task) {
    return std::ranges::any_of(task.files, [&](const OpenFile& file) {
      const auto found = file.socket == 0 ? tree.sockets.end() : tree.sockets.find(file.socket);
      if (found == tree.sockets.end()) return false;
      const auto& socket = found->second;
      return socket.family == family && socket.type == SOCK_STREAM && socket.protocol == IPPROTO_TCP &&
             socket.state != listening && (socket.state != closed || socket.knows_peer);
    });
  });
}

// Rows that only some trees need. The others of their kind are asked by the checks themselves (the diags),
// are cleared by an option that the commands have already, or are about more than what this tree has of it.
struct Need {
  std::string_view row;
  bool (*needed)(const Snapshot& tree, const DumpOptions& options);
};
constexpr std::array needs{
    Need{"window.pass-credentials",
         [](const Snapshot& tree, const DumpOptions&) {
           return has_socket_of(tree, {AF_INET, AF_INET6, AF_PACKET});
         }},
    Need{"system.ip", [](const Snapshot& tree, const DumpOptions&) { return tree.has_own(Namespace::net); }},
    Need{"system.namespace-iptables",
         [](const Snapshot& tree, const DumpOptions&) { return tree.has_own(Namespace::net); }},
    Need{"system.iptables",
         [](const Snapshot& tree, const DumpOptions& options) {
           return locks_connections(tree, options, AF_INET);
         }},
    Need{"kernel.iptables-mark",
         [](const Snapshot& tree, const DumpOptions& options) {
           return locks_connections(tree, options, AF_INET);
         }},
    Need{"kernel.seccomp-filter",
         [](const Snapshot& tree, const DumpOptions&) {
           constexpr int filter = 2;
           return std::ranges::any_of(tree.tasks,
                                      [](const Task& task) { return task.status.seccomp == filter; });
         }},
};

bool concerns(const Snapshot& tree, const DumpOptions& options, const Finding& finding) {
  const auto need = std::ranges::find(needs, finding.id, &Need::row);
  if (need != needs.end()) return need->needed(tree, options);
  return !finding.by_tree && !finding.severity.contains(':');
}

}  // namespace

Matrix rows_for_trees(const Matrix& matrix, const Version& criu) {
  Matrix asked;
  for (const auto& row : matrix.rows) {
    const bool only_some = std::ranges::find(needs, row.id, &Need::row) != needs.end();
    if (row.criu.contains(criu) && ((row.required() && !row.by_tree) || only_some)) asked.rows.push_back(row);
  }
  return asked;
}

std::vector<SystemRow> judge_system(const Matrix& rows, const Version& criu, const Evidence& evidence) {
  const auto features = rows.features();
  std::vector<SystemRow> judged;
  for (auto& finding : judge(rows, {criu, {features.begin(), features.end()}}, evidence)) {
    const auto row = std::ranges::find(rows.rows, finding.id, &MatrixRow::id);
    // What is no row speaks of the version as a whole, and is said of the tree's findings again.
    if (row != rows.rows.end()) judged.push_back({std::move(finding), row->environment});
  }
  return judged;
}

SystemAnswer system_of(const Snapshot& tree, const DumpOptions& options, const std::vector<SystemRow>& rows,
                       const std::vector<std::string>& given, CommandMode mode) {
  SystemAnswer answer;
  for (const auto& [seen, environment] : rows) {
    if (!seen.required || !concerns(tree, options, seen)) continue;
    Finding finding = seen;
    if (finding.verdict == Verdict::unknown) {
      finding.required = false;
    } else if (finding.verdict == Verdict::fail && !environment.empty()) {
      if (std::ranges::find(given, environment) != given.end()) continue;
      if (mode == CommandMode::proposal) {
        finding.verdict = Verdict::warn;
        finding.required = false;
        if (std::ranges::find(answer.environment, environment) == answer.environment.end())
          answer.environment.push_back(environment);
      }
    } else if (finding.verdict != Verdict::fail && finding.verdict != Verdict::warn) {
      continue;
    }
    answer.findings.push_back(std::move(finding));
  }
  return answer;
}

}  // namespace cg::tree
