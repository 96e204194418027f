// What is taken through a checkpoint, and the rows of the proof: each workload, in each place it can be in,
// with each CRIU on each kernel.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg::proof {

struct Workload {
  std::string id;
  std::string what;
  std::vector<std::string> places;  // "tree", "ipc", "runc", "crun", "systemd"
  std::string start;                // a script of bash; it becomes the tree's root
  std::string client;               // another one, outside of the tree, behind client.sh
};

std::vector<std::string> known_places();
Result<std::vector<Workload>> load_workloads(const std::filesystem::path& file);

struct Row {
  std::string workload, criu, kernel, place;
  std::string name() const { return workload + "/" + criu + "/" + kernel + "/" + place; }
};
std::vector<Row> all_rows(const std::vector<Workload>& workloads, const std::vector<std::string>& criu,
                          const std::vector<std::string>& kernels);
// "redis/4.2.1/6.12/tree".
Result<Row> parse_row(const std::string& name);

}  // namespace cg::proof
