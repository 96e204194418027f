#include "recipe/program_gate.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "base/file.h"
#include "elf/elf.h"
#include "programs/check.h"
#include "programs/loader.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

Result<bool> is_elf(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;  // the edit itself says what is wrong with it
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char start[4] = {};
  if (!fd) return false;
  const ssize_t got = read(fd.get(), start, sizeof start);
  return got == sizeof start && has_elf_magic({start, sizeof start});
}

}  // namespace

Result<bool> has_programs(const std::vector<image::Change>& changes) {
  for (const auto& change : changes)
    if (const auto* injection = std::get_if<image::Injection>(&change)) {
      CG_TRY(found, is_elf(injection->source));
      if (found) return true;
    }
  return false;
}

Result<std::vector<image::Change>> admit_programs(const RootTree& image,
                                                  const std::vector<image::Change>& changes,
                                                  const ProgramPolicy& policy, std::ostream& warnings) {
  Loader before(image);
  CG_TRY(machine, machine_of(before, image));
  LayeredTree after(image);
  struct Arrival {
    std::string path;
    fs::path source;
  };
  std::vector<Arrival> arrivals;
  for (const auto& change : changes) {
    const auto* injection = std::get_if<image::Injection>(&change);
    if (!injection) continue;
    std::string destination = injection->destination;
    if (destination.ends_with('/')) destination += injection->source.filename().string();
    auto place = resolve(after, destination);
    if (place && place->entry && place->entry->kind == FileKind::directory)
      place = resolve(after, destination + "/" + injection->source.filename().string());
    std::error_code error;
    if (!place || !fs::is_regular_file(injection->source, error)) continue;  // the edit says why not
    CG_CHECK(after.add(place->path, injection->source));
    CG_TRY(elf, is_elf(injection->source));
    if (elf) arrivals.push_back({place->path, injection->source});
  }
  Loader loader(after);
  std::vector<image::Change> brought;
  if (policy.libraries) {
    std::vector<std::string> programs;
    for (const auto& arrival : arrivals) {
      CG_TRY(problems, check_program(loader, arrival.path, machine));
      const auto elf = loader.elf(arrival.path);
      if (elf && *elf && (machine.empty() || runs_on((*elf)->machine, machine)) && !problems.empty())
        programs.push_back(arrival.path);
    }
    CG_TRY(supplied, supply_libraries(after, loader, programs, *policy.libraries));
    brought = std::move(supplied);
  }
  std::string reasons;
  for (const auto& arrival : arrivals) {
    CG_TRY(problems, check_program(loader, arrival.path, machine));
    for (const auto& problem : problems) {
      if (!reasons.empty()) reasons += "\n";
      reasons += problem.path == arrival.path
                     ? fmt::format("{}: {}", arrival.source.string(), problem.message)
                     : fmt::format("{}: {} {}", arrival.source.string(), problem.path, problem.message);
    }
  }
  if (reasons.empty()) return brought;
  if (policy.force) {
    warnings << reasons << "\n";
    return brought;
  }
  return refused(reasons + (policy.libraries
                                ? "\n--force puts it in all the same"
                                : "\n--with-libs brings missing libraries along; --force puts it "
                                  "in all the same"));
}

}  // namespace cg
