#include "workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/toml/toml.h"

namespace cg::proof {

std::vector<std::string> known_places() {
  return {"tree", "ipc", "runc", "crun", "systemd"};
}

Result<std::vector<Workload>> load_workloads(const std::filesystem::path& file) {
  CG_TRY(document, load_toml(file));
  TomlReader top(document.root(), file.string());
  top.only({"workload"});
  std::vector<Workload> workloads;
  std::set<std::string> ids;
  for (const auto* table : top.tables("workload")) {
    TomlReader reader(*table, file.string());
    reader.only({"id", "what", "places", "start", "client"});
    Workload one{reader.required_string("id"), reader.required_string("what"), reader.strings("places"),
                 reader.required_string("start"), reader.required_string("client")};
    if (!ids.insert(one.id).second || one.id.contains('/'))
      reader.fail("id", "must be a name of its own without a slash");
    const auto known = known_places();
    for (const auto& place : one.places)
      if (std::ranges::find(known, place) == known.end())
        reader.fail("places", fmt::format("{}: no such place{}", place, did_you_mean(place, known)));
    if (one.places.empty()) reader.fail("places", "must name a place");
    CG_CHECK(reader.error());
    workloads.push_back(std::move(one));
  }
  CG_CHECK(top.error());
  return workloads;
}

std::vector<Row> all_rows(const std::vector<Workload>& workloads, const std::vector<std::string>& criu,
                          const std::vector<std::string>& kernels) {
  std::vector<Row> rows;
  for (const auto& workload : workloads)
    for (const auto& place : workload.places)
      for (const auto& kernel : kernels)
        for (const auto& version : criu) rows.push_back({workload.id, version, kernel, place});
  return rows;
}

Result<Row> parse_row(const std::string& name) {
  const auto parts = split(name, '/');
  if (parts.size() != 4 || std::ranges::any_of(parts, &std::string::empty))
    return usage_error(
        fmt::format("{}: a row is WORKLOAD/CRIU/KERNEL/PLACE, as redis/4.2.1/6.12/tree", name));
  return Row{parts[0], parts[1], parts[2], parts[3]};
}

}  // namespace cg::proof
