#include "programs/loader.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/digits.h"
#include "base/limits.h"
#include "base/text.h"

namespace cg {
namespace {

struct Directories {
  std::string_view machine;
  std::string_view triplet;  // Debian's name of it
  std::string_view library;  // where other distributions keep this machine's libraries
};
constexpr std::array<Directories, 9> known_directories{{{"x86_64", "x86_64-linux-gnu", "lib64"},
                                                        {"i686", "i386-linux-gnu", "lib32"},
                                                        {"aarch64", "aarch64-linux-gnu", "lib64"},
                                                        {"arm", "arm-linux-gnueabihf", "lib"},
                                                        {"ppc64le", "powerpc64le-linux-gnu", "lib64"},
                                                        {"s390x", "s390x-linux-gnu", "lib64"},
                                                        {"riscv64", "riscv64-linux-gnu", "lib64/lp64d"},
                                                        {"mips64", "mips64el-linux-gnuabi64", "lib64"},
                                                        {"loongarch64", "loongarch64-linux-gnu", "lib64"}}};

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// ld.so.conf(5): directories, comments, and "include GLOB". A file is read once, as glibc does it: what
// includes itself and its neighbours would be read n^n times else.
class Configuration {
 public:
  explicit Configuration(const RootTree& tree) : tree_(tree) {}

  Result<std::vector<std::string>> read() {
    CG_CHECK(read_file("/etc/ld.so.conf"));
    return std::move(directories_);
  }

 private:
  Result<void> read_file(const std::string& path) {
    CG_TRY(file, resolve(tree_, path));
    if (!file.entry || file.entry->kind != FileKind::regular || !read_.insert(file.path).second) return {};
    if (read_.size() > limits::loader_files) return too_many(path, "files", limits::loader_files);
    CG_TRY(text, tree_.read(file.path, limits::loader_file_bytes));
    for (const auto raw : split_lines(text)) {
      const std::string_view line = trim(raw.substr(0, raw.find('#')));
      if (line.starts_with("include ") || line.starts_with("include\t")) {
        CG_CHECK(include(std::string(trim(line.substr(8))), path));
      } else if (line.starts_with('/')) {
        // "DIRECTORY=TYPE" is an old way to say for which C library.
        directories_.emplace_back(line.substr(0, line.find_first_of("= \t,:")));
        if (directories_.size() > limits::loader_directories)
          return too_many(path, "directories", limits::loader_directories);
      }
    }
    return {};
  }

  Result<void> include(std::string pattern, const std::string& from) {
    if (++includes_ > limits::loader_files) return too_many(from, "includes", limits::loader_files);
    if (!pattern.starts_with('/')) pattern = directory_of(from) + "/" + pattern;
    CG_TRY(place, resolve(tree_, directory_of(pattern)));
    if (!place.entry || place.entry->kind != FileKind::directory) return {};
    CG_TRY(names, tree_.names(place.path));
    for (const auto& name : names)
      if (fnmatch(file_name(pattern).c_str(), name.c_str(), FNM_PERIOD) == 0)
        CG_CHECK(read_file(place.path + "/" + name));
    return {};
  }

  static std::unexpected<Error> too_many(const std::string& path, std::string_view what, std::size_t most) {
    return refused(fmt::format("{}: /etc/ld.so.conf leads to more than {} {}", path, most, what));
  }

  const RootTree& tree_;
  std::set<std::string> read_;
  std::size_t includes_ = 0;
  std::vector<std::string> directories_;
};

}  // namespace

bool uses_glibc(const ElfFile& elf) {
  return std::ranges::find(elf.needed, "libc.so.6") != elf.needed.end();
}

bool uses_musl(const ElfFile& elf) {
  return elf.interp.contains("/ld-musl-") || std::ranges::any_of(elf.needed, [](const std::string& name) {
           return name == "libc.so" || name.starts_with("libc.musl-");
         });
}

bool runs_on(const std::string& program, const std::string& host) {
  return program == host || (program == "i686" && host == "x86_64") ||
         (program == "arm" && host == "aarch64");
}

Result<std::string> machine_of(Loader& loader, const RootTree& tree) {
  for (const char* path : {"/sbin/init", "/bin/sh", "/bin/busybox", "/init", "/lib/systemd/systemd",
                           "/usr/bin/env", "/usr/bin/kata-agent", "/usr/sbin/criu", "/usr/bin/kcheck"}) {
    const auto file = resolve(tree, path);
    if (!file || !file->entry || file->entry->kind != FileKind::regular) continue;
    if (const auto elf = loader.elf(file->path); elf && *elf) return (*elf)->machine;
  }
  return "";
}

std::vector<std::string> Loader::standard_directories(const ElfFile& elf) {
  std::vector<std::string> directories;
  for (const auto& known : known_directories) {
    if (known.machine != elf.machine) continue;
    directories = {fmt::format("/lib/{}", known.triplet), fmt::format("/usr/lib/{}", known.triplet),
                   fmt::format("/{}", known.library), fmt::format("/usr/{}", known.library)};
  }
  for (const char* directory : {"/lib", "/usr/lib"})
    if (std::ranges::find(directories, directory) == directories.end()) directories.emplace_back(directory);
  return directories;
}

std::vector<std::string> Loader::expand(const std::string& pattern, const std::string& origin,
                                        const ElfFile& elf) {
  std::string path = pattern;
  for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"ORIGIN", origin},
                                    {"PLATFORM", elf.machine == "i686" ? "i686" : elf.machine}}) {
    replace_all(path, fmt::format("${{{}}}", name), value);
    replace_all(path, fmt::format("${}", name), value);
  }
  if (!path.contains("$LIB") && !path.contains("${LIB}")) return {path};
  std::vector<std::string> paths;
  for (const auto& known : known_directories) {
    if (known.machine != elf.machine) continue;
    for (const std::string& library :
         {fmt::format("lib/{}", known.triplet), std::string(known.library), std::string("lib")}) {
      paths.push_back(path);
      replace_all(paths.back(), "${LIB}", library);
      replace_all(paths.back(), "$LIB", library);
    }
  }
  return paths;
}

Result<const std::vector<std::string>*> Loader::configured() {
  if (!configured_) {
    CG_TRY(directories, Configuration(tree_).read());
    configured_ = std::move(directories);
  }
  return &*configured_;
}

// musl's manual: the path file of the machine, else these three.
Result<std::vector<std::string>> Loader::musl_directories(const ElfFile& elf) {
  const std::string path = fmt::format("/etc/ld-musl-{}.path", elf.machine == "i686" ? "i386" : elf.machine);
  CG_TRY(file, resolve(tree_, path));
  if (!file.entry || file.entry->kind != FileKind::regular)
    return std::vector<std::string>{"/lib", "/usr/local/lib", "/usr/lib"};
  CG_TRY(text, tree_.read(file.path, limits::loader_file_bytes));
  std::vector<std::string> directories;
  for (const auto line : split_lines(text))
    for (auto& directory : split(line, ':'))
      if (directory.starts_with('/')) directories.push_back(std::move(directory));
  return directories;
}

Result<std::shared_ptr<const ElfFile>> Loader::elf(const std::string& path) {
  const auto known = files_.find(path);
  if (known != files_.end()) {
    if (known->second.error) return std::unexpected(*known->second.error);
    return known->second.elf;
  }
  CG_TRY(start, tree_.read(path, 4));
  Known& file = files_[path];
  if (!has_elf_magic(start)) return file.elf;
  CG_TRY(bytes, tree_.read(path));
  auto elf = read_elf(bytes, path);
  if (!elf) {
    file.error = elf.error();
    return std::unexpected(*file.error);
  }
  file.elf = std::make_shared<const ElfFile>(std::move(*elf));
  return file.elf;
}

Result<std::optional<Loader::Found>> Loader::find(const std::string& library,
                                                  const std::vector<Asking>& asking, bool is_musl,
                                                  std::vector<std::string>* others) {
  const ElfFile& asker = *asking.back().elf;
  // nullopt: goes on; a file that does not fit is passed over, as loaders do.
  const auto look = [&](const std::string& path) -> Result<std::optional<std::string>> {
    const auto file = resolve(tree_, path);
    if (!file && file.error().kind == ErrorKind::cannot) return std::unexpected(file.error());
    if (!file || !file->entry || file->entry->kind != FileKind::regular) return std::nullopt;
    const auto found = elf(file->path);
    if (!found && found.error().kind == ErrorKind::cannot) return std::unexpected(found.error());
    const bool fits = found && *found && (*found)->machine == asker.machine && (*found)->bits == asker.bits &&
                      (*found)->little_endian == asker.little_endian && (*found)->type == ElfType::shared &&
                      !(is_musl ? uses_glibc(**found) : uses_musl(**found));
    if (fits) return file->path;
    if (others && std::ranges::find(*others, file->path) == others->end()) others->push_back(file->path);
    return std::nullopt;
  };
  if (library.contains('/')) {
    CG_TRY(path, look(library));
    if (!path) return std::nullopt;
    return Found{.path = std::move(*path), .directory = directory_of(library)};
  }
  // Each object's own paths, and of those above it the ones that are handed down.
  for (auto from = asking.rbegin(); from != asking.rend(); ++from) {
    const bool own = from == asking.rbegin();
    if (!own && !is_musl &&
        (!from->elf->run_path_is_handed_down || (!asker.run_path.empty() && !asker.run_path_is_handed_down)))
      continue;
    for (const auto& pattern : from->elf->run_path) {
      if (pattern.empty()) continue;
      for (const auto& directory : expand(pattern, from->origin, *from->elf)) {
        CG_TRY(path, look(directory + "/" + library));
        if (path)
          return Found{.path = std::move(*path),
                       .directory = directory,
                       .pattern = pattern,
                       .asker = static_cast<std::size_t>(asking.rend() - from) - 1};
      }
    }
  }
  if (is_musl) {
    CG_TRY(directories, musl_directories(asker));
    for (const auto& directory : directories) {
      CG_TRY(path, look(directory + "/" + library));
      if (path) return Found{.path = std::move(*path), .directory = directory, .standard = true};
    }
    return std::nullopt;
  }
  CG_TRY(directories, configured());
  for (const auto& directory : *directories) {
    CG_TRY(path, look(directory + "/" + library));
    if (path) return Found{.path = std::move(*path), .directory = directory};
  }
  for (const auto& directory : standard_directories(asker)) {
    CG_TRY(path, look(directory + "/" + library));
    if (path) return Found{.path = std::move(*path), .directory = directory, .standard = true};
  }
  return std::nullopt;
}

// One program's objects, breadth first, as a loader maps them.
class Loader::Walk {
 public:
  explicit Walk(Loader& loader) : loader_(loader) {}

  Result<Closure> run(const std::string& path) {
    auto program = loader_.elf(path);
    if (!program && program.error().kind == ErrorKind::cannot) return std::unexpected(program.error());
    if (!program || !*program) {
      closure_.objects.push_back({path, nullptr, 0});
      fault(LoadFault::damaged, 0, path, program ? "is no ELF file" : program.error().message);
      return std::move(closure_);
    }
    is_musl_ = uses_musl(**program);
    add(path, *program, 0);
    if (!(*program)->interp.empty()) CG_CHECK(load_interpreter((*program)->interp));
    for (std::size_t i = 0; i < closure_.objects.size(); ++i) {
      const auto elf = closure_.objects[i].elf;
      for (const auto& library : elf->needed) CG_CHECK(load(i, library));
    }
    check_versions();
    return std::move(closure_);
  }

 private:
  void fault(LoadFault kind, std::size_t object, std::string wanted, std::string message) {
    closure_.problems.push_back({kind, object, std::move(wanted), {}, std::move(message)});
  }

  void add(const std::string& path, std::shared_ptr<const ElfFile> elf, std::size_t needed_by) {
    const std::size_t index = closure_.objects.size();
    if (!elf->soname.empty()) by_name_.emplace(elf->soname, index);
    by_path_.emplace(path, index);
    closure_.objects.push_back({path, std::move(elf), needed_by});
  }

  Result<void> load_interpreter(const std::string& interp) {
    const auto file = resolve(loader_.tree_, interp);
    if (!file && file.error().kind == ErrorKind::cannot) return std::unexpected(file.error());
    if (!file || !file->entry || file->entry->kind != FileKind::regular) {
      fault(LoadFault::interpreter_missing, 0, interp,
            fmt::format("its loader {} is not there: \"No such file or directory\" when it is started",
                        interp));
      return {};
    }
    const auto elf = loader_.elf(file->path);
    if (!elf && elf.error().kind == ErrorKind::cannot) return std::unexpected(elf.error());
    if (!elf || !*elf || (*elf)->machine != closure_.objects[0].elf->machine) {
      fault(LoadFault::damaged, 0, interp,
            fmt::format("its loader {} is no loader for {}", interp, closure_.objects[0].elf->machine));
      return {};
    }
    add(file->path, *elf, 0);
    if (is_musl_)  // one file is loader and C library
      for (const char* name :
           {"libc.so", "libpthread.so", "librt.so", "libm.so", "libdl.so", "libutil.so", "libxnet.so"})
        by_name_.emplace(name, 1);
    by_name_.emplace(file_name(interp), 1);
    return {};
  }

  Result<void> load(std::size_t by, const std::string& library) {
    if (by_name_.contains(library)) return {};
    std::vector<Asking> asking;
    for (std::size_t i = by;; i = closure_.objects[i].needed_by) {
      asking.insert(asking.begin(), {closure_.objects[i].elf, directory_of(closure_.objects[i].path)});
      if (i == 0) break;
    }
    std::vector<std::string> others;
    CG_TRY(found, loader_.find(library, asking, is_musl_, &others));
    if (!found) {
      if (!missing_.insert(library).second) return {};
      fault(LoadFault::library_missing, by, library,
            others.empty() ? fmt::format("needs {}, which is not where the loader looks", library)
                           : fmt::format("needs {}, and {} does not fit", library, join(others, ", ")));
      closure_.problems.back().unfit = std::move(others);
      return {};
    }
    if (const auto known = by_path_.find(found->path); known != by_path_.end()) {
      by_name_.emplace(library, known->second);
      return {};
    }
    CG_TRY(elf, loader_.elf(found->path));
    by_name_.emplace(library, closure_.objects.size());
    add(found->path, elf, by);
    return {};
  }

  // One problem for each pair of an object and a library, however many versions are missing.
  void check_versions() {
    if (is_musl_) return;  // musl's loader does not look at them
    for (std::size_t i = 0; i < closure_.objects.size(); ++i) {
      std::map<std::string, std::vector<std::string>> unmet;
      for (const auto& need : closure_.objects[i].elf->version_needs) {
        const auto provider = by_name_.find(need.library);
        if (need.weak || provider == by_name_.end()) continue;
        const auto& defined = closure_.objects[provider->second].elf->version_definitions;
        // A library without any versions is taken with a warning.
        if (!defined.empty() && std::ranges::find(defined, need.version) == defined.end())
          unmet[need.library].push_back(need.version);
      }
      for (const auto& [library, versions] : unmet) {
        const LoadedObject& provider = closure_.objects[by_name_.at(library)];
        const std::string newest = newest_like(versions.back(), provider.elf->version_definitions);
        fault(LoadFault::version_missing, i, library,
              fmt::format("needs {} of {}, and {} has {}", join(versions, ", "), library, provider.path,
                          newest.empty() ? "no such version" : "no newer than " + newest));
      }
    }
  }

  // The last of the definitions with the same name before the number: libraries list them in rising order.
  static std::string newest_like(const std::string& version, const std::vector<std::string>& defined) {
    const std::string_view family = std::string_view(version).substr(0, version.find_first_of("0123456789"));
    std::string newest;
    for (const auto& name : defined)
      if (!family.empty() && name.starts_with(family) && name.size() > family.size() &&
          is_digit(name[family.size()]))
        newest = name;
    return newest;
  }

  Loader& loader_;
  Closure closure_;
  bool is_musl_ = false;
  std::map<std::string, std::size_t> by_name_;  // as asked for, and by SONAME
  std::map<std::string, std::size_t> by_path_;
  std::set<std::string> missing_;
};

Result<Closure> Loader::closure(const std::string& path) {
  return Walk(*this).run(path);
}

}  // namespace cg
