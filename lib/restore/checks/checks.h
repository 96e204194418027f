// What stands between a checkpoint and its restore: functions of the images, the place, the CRIU and the
// options given. Their words are rows of recipes/criu-restore.toml.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "criu/version.h"
#include "restore/options.h"
#include "restore/place.h"
#include "tasks/finding_table.h"

namespace cg::restore {

struct View {
  const checkpoint::Checkpoint& checkpoint;
  Version criu;
  const Options& options;
  const Place& place;
};

const tree::FindingTable& restore_table();

class Findings : public std::vector<tree::TreeFinding> {
 public:
  // Adds the words of a row; its id is without "restore.".
  tree::TreeFinding& add(tree::RowName row, std::string seen, tree::Holes holes = {}) {
    return emplace_back(restore_table().make(row, std::move(seen), holes));
  }
  // What could not be looked at, and why. It leaves the verdict open.
  void unseen(const std::string& what);
  // So many of a kind were looked at, for the report.
  std::size_t looked_at = 0;
};

void check_images(const View& view, Findings& found);
void check_tree(const View& view, Findings& found);
void check_mounts(const View& view, Findings& found);
void check_files(const View& view, Findings& found);
void check_sockets(const View& view, Findings& found);
void check_cgroups(const View& view, Findings& found);
void check_processor(const View& view, Findings& found);
Findings check_all(const View& view);

// Where a path of a mount lies: in the root file system, outside (below a source that the options name), or
// in what CRIU makes by itself.
struct Location {
  enum class Kind { root, outside, made, unknown } kind = Kind::unknown;
  std::string path;  // there
};
Location locate(const View& view, std::int64_t mount, const std::string& path);
// The root mount of the tree; nullptr: it has no mounts of its own.
const checkpoint::Mount* root_mount(const checkpoint::Checkpoint& checkpoint);

}  // namespace cg::restore
