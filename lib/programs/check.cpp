#include "programs/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "base/text.h"

namespace cg {
namespace {

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// One problem for each object of the closure and kind: the libraries that it misses stand in one sentence.
void report(const Closure& closure, std::set<UnloadableProgram>& problems,
            const std::function<bool(const LoadError&)>& counts = {}) {
  std::map<std::string, std::vector<std::string>> missing;
  for (const auto& problem : closure.problems) {
    if (counts && !counts(problem)) continue;
    const std::string& path = closure.objects[problem.object].path;
    if (problem.fault == LoadFault::library_missing && problem.unfit.empty())
      missing[path].push_back(problem.wanted);
    else
      problems.insert({path, problem.message});
  }
  for (const auto& [path, libraries] : missing)
    problems.insert({path, fmt::format("needs {}, which {} not where the loader looks", join(libraries, ", "),
                                       libraries.size() > 1 ? "are" : "is")});
}

// Below a directory of libraries, such as /usr/lib/tc: "/usr/lib" and "/usr/lib/x86_64-linux-gnu" are
// themselves such.
bool is_plugin(std::string_view path) {
  for (const std::string_view top :
       {"/usr/local/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/lib/", "/lib32/", "/lib64/", "/lib/"}) {
    if (!path.starts_with(top)) continue;
    std::string_view below = path.substr(top.size());
    if (const auto slash = below.find('/'); slash != below.npos && below.substr(0, slash).contains("-linux-"))
      below.remove_prefix(slash + 1);
    return below.contains('/');
  }
  return false;
}

// A damaged image may have a directory in itself.
constexpr int deepest_level = 40;

class Survey {
 public:
  explicit Survey(const RootTree& tree) : tree_(tree), loader_(tree) {}

  Result<ProgramsReport> run() {
    CG_TRY(machine, machine_of(loader_, tree_));
    found_.machine = std::move(machine);
    for (const char* directory :
         {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"})
      CG_CHECK(walk(directory, Depth::flat));
    const std::size_t in_path = files_.size();
    for (const char* directory : {"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64",
                                  "/usr/libexec", "/usr/local/lib"})
      CG_CHECK(walk(directory, Depth::deep));
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const auto& [path, elf] = files_[i];
      if (!elf || elf->interp.empty()) {
        if (elf && i < in_path) judge_machine(path, *elf);
        continue;
      }
      if (i < in_path) judge_machine(path, *elf);
      CG_TRY(closure, loader_.closure(path));
      for (const auto& object : closure.objects) reached_.insert(object.path);
      report(closure, problems_);
    }
    for (const auto& [path, elf] : files_) {
      if (!elf || !elf->interp.empty()) continue;
      ++found_.libraries;
      if (elf->needed.empty() || reached_.contains(path)) continue;
      CG_TRY(closure, loader_.closure(path));
      report(closure, is_plugin(path) ? idle_ : problems_, [&](const LoadError& problem) {
        return problem.fault != LoadFault::library_missing || !names_.contains(file_name(problem.wanted));
      });
    }
    found_.programs = files_.size();
    found_.problems.assign(problems_.begin(), problems_.end());
    found_.idle.assign(idle_.begin(), idle_.end());
    return std::move(found_);
  }

 private:
  enum class Depth { flat, deep };

  void judge_machine(const std::string& path, const ElfFile& elf) {
    if (found_.machine.empty()) found_.machine = elf.machine;
    if (!runs_on(elf.machine, found_.machine))
      problems_.insert(
          {path, fmt::format("is built for {}, and the image for {}", elf.machine, found_.machine)});
  }

  Result<void> walk(const std::string& wanted, Depth depth) {
    const auto place = resolve(tree_, wanted);
    if (!place || !place->entry || place->entry->kind != FileKind::directory) return {};
    return walk_directory(place->path, depth, 0);
  }

  Result<void> walk_directory(const std::string& directory, Depth depth, int level) {
    // Debug files have program headers for bytes that are elsewhere; modules and firmware have no loader.
    for (const char* other : {"/debug", "/modules", "/firmware"})
      if (directory == "/lib" + std::string(other) || directory == "/usr/lib" + std::string(other)) return {};
    if (!seen_.insert(directory).second) return {};
    if (level > deepest_level) return refused(directory + ": directories this deep are not looked into");
    CG_TRY(names, tree_.names(directory));
    for (const auto& name : names) {
      const std::string path = directory + "/" + name;
      CG_TRY(entry, tree_.entry(path));
      if (!entry) continue;
      if (entry->kind == FileKind::directory && depth == Depth::deep) {
        CG_CHECK(walk_directory(path, depth, level + 1));
      } else if (entry->kind == FileKind::link) {
        names_.insert(name);
      } else if (entry->kind == FileKind::regular) {
        names_.insert(name);
        CG_CHECK(look_at(path));
      }
    }
    return {};
  }

  Result<void> look_at(const std::string& path) {
    auto elf = loader_.elf(path);
    if (!elf) {
      if (elf.error().kind == ErrorKind::cannot) return std::unexpected(elf.error());
      const std::string_view message = elf.error().message;
      problems_.insert(
          {path, std::string(message.starts_with(path + ": ") ? message.substr(path.size() + 2) : message)});
      return {};
    }
    if (*elf && ((*elf)->type == ElfType::executable || (*elf)->type == ElfType::shared))
      files_.emplace_back(path, std::move(*elf));
    return {};
  }

  const RootTree& tree_;
  Loader loader_;
  ProgramsReport found_;
  std::set<std::string> seen_;
  std::set<std::string> names_;  // of all files and links
  std::vector<std::pair<std::string, std::shared_ptr<const ElfFile>>> files_;
  std::set<std::string> reached_;  // by some program
  std::set<UnloadableProgram> problems_;
  std::set<UnloadableProgram> idle_;
};

}  // namespace

Result<ProgramsReport> check_programs(const RootTree& tree) {
  return Survey(tree).run();
}

Result<std::vector<UnloadableProgram>> check_program(Loader& loader, const std::string& path,
                                                     const std::string& machine) {
  std::vector<UnloadableProgram> problems;
  const auto elf = loader.elf(path);
  if (!elf) {
    if (elf.error().kind == ErrorKind::cannot) return std::unexpected(elf.error());
    problems.push_back({path, elf.error().message});
    return problems;
  }
  const bool is_module = *elf && (*elf)->type == ElfType::relocatable && path.contains("/lib/modules/");
  const bool is_loaded =
      *elf && ((*elf)->type == ElfType::executable || (*elf)->type == ElfType::shared || is_module);
  if (!is_loaded) return problems;
  if (!machine.empty() && !runs_on((*elf)->machine, machine)) {
    problems.push_back(
        {path, fmt::format("is built for {}, and the image for {}", (*elf)->machine, machine)});
    return problems;  // what it needs is of another machine as well
  }
  if (is_module) return problems;
  CG_TRY(closure, loader.closure(path));
  std::set<UnloadableProgram> found;
  report(closure, found);
  problems.assign(found.begin(), found.end());
  return problems;
}

}  // namespace cg
