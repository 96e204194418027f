// What the dynamic loader of a tree would load for a program, and what it would stumble over: the search of
// ld.so(8) (RPATH, RUNPATH, $ORIGIN, /etc/ld.so.conf, default directories) and of musl's loader, and the
// symbol versions that objects need of one another.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "elf/elf.h"
#include "programs/root_tree.h"

namespace cg {

// Paths are those of the tree, resolved.
struct LoadedObject {
  std::string path;
  std::shared_ptr<const ElfFile> elf;
  std::size_t needed_by = 0;  // index of the object that asked first; the program's own: 0
};

enum class LoadFault { damaged, interpreter_missing, library_missing, version_missing };
struct LoadError {
  LoadFault fault = LoadFault::damaged;
  std::size_t object = 0;          // index of the one that asks
  std::string wanted;              // interpreter, library, or the library that lacks versions
  std::vector<std::string> unfit;  // files of a missing library's name that are of another kind
  std::string message;             // "needs libx.so.1, which …", without the object's own path
};

struct Closure {
  std::vector<LoadedObject> objects;  // the program first, then in the order of loading
  std::vector<LoadError> problems;
  bool good() const { return problems.empty(); }
};

class Loader {
 public:
  explicit Loader(const RootTree& tree) : tree_(tree) {}

  // An error is one of the tree; what is wrong with the program is a problem of the closure. A static program
  // or one of no loader at all has itself as its closure.
  Result<Closure> closure(const std::string& path);

  // The ELF facts of a file; nullptr when it does not start as one does. Refused when it is damaged.
  Result<std::shared_ptr<const ElfFile>> elf(const std::string& path);

  // Where a library was, or would be, found for the objects that ask for it, the asking one last.
  struct Found {
    std::string path;       // resolved
    std::string directory;  // as it was searched
    std::string pattern;    // the entry of a RPATH or RUNPATH that led there; empty: a configured directory
    std::size_t asker = 0;  // index of the object that has this entry
    bool standard = false;  // in one of the default directories
  };
  // `origin`: the directory that $ORIGIN stands for.
  struct Asking {
    std::shared_ptr<const ElfFile> elf;
    std::string origin;
  };
  // nullopt: nowhere; `others` then names the files of that name that do not fit.
  Result<std::optional<Found>> find(const std::string& library, const std::vector<Asking>& asking,
                                    bool is_musl, std::vector<std::string>* others = nullptr);
  // The directories that the loader of `elf` searches without being told.
  static std::vector<std::string> standard_directories(const ElfFile& elf);
  // A directory of a RPATH with its $ORIGIN, $LIB and $PLATFORM filled in, one for each meaning of $LIB.
  static std::vector<std::string> expand(const std::string& pattern, const std::string& origin,
                                         const ElfFile& elf);
  // Read files again from now on, and look for what was not found before.
  void forget() {
    files_.clear();
    configured_.reset();
  }

 private:
  class Walk;
  Result<const std::vector<std::string>*> configured();
  Result<std::vector<std::string>> musl_directories(const ElfFile& elf);

  const RootTree& tree_;
  struct Known {
    std::shared_ptr<const ElfFile> elf;
    std::optional<Error> error;
  };
  std::map<std::string, Known> files_;
  std::optional<std::vector<std::string>> configured_;  // of /etc/ld.so.conf
};

bool uses_musl(const ElfFile& elf);

// The machine of a tree's own programs, by the first of /sbin/init, /bin/sh and others that is an ELF file;
// "" when there is none.
Result<std::string> machine_of(Loader& loader, const RootTree& tree);
// Whether a kernel for `host` runs programs for `program`.
bool runs_on(const std::string& program, const std::string& host);

}  // namespace cg
