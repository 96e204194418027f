// Takes a Snapshot from /proc. Nothing is traced, signalled, frozen or injected: the tree does not notice.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "tasks/snapshot.h"

namespace cg::tree {

// `pid` as seen from here. Cannot: there is no such process (or it ended meanwhile). What the caller may not
// see is listed in Snapshot::unseen. `proc` is the directory of a procfs; a test gives another.
Result<Snapshot> collect(int pid, const std::filesystem::path& proc = "/proc");

// Lists `what` as unseen, with the capability or the reason; a task that has ended is no reason.
void cannot_see(std::vector<Unseen>& unseen, const std::string& what, int error);

// The parts of it.
void collect_cgroups(Snapshot& snapshot);
void collect_sockets(Snapshot& snapshot, const std::filesystem::path& proc);
void collect_shared_parts(Snapshot& snapshot);
void collect_links(Snapshot& snapshot, const std::filesystem::path& proc);
void collect_watches(Snapshot& snapshot, const std::filesystem::path& proc);
void collect_huge_pages(Snapshot& snapshot);
void collect_outside(Snapshot& snapshot, const std::filesystem::path& proc);

}  // namespace cg::tree
