#include "recipe/kernel_modules.h"

#include <fmt/format.h>
#include <libkmod.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/digits.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

constexpr int deepest_level = 40;  // a damaged image may have a directory in itself

struct ContextEnd {
  void operator()(kmod_ctx* context) const { kmod_unref(context); }
};
using Context = std::unique_ptr<kmod_ctx, ContextEnd>;
struct ModuleEnd {
  void operator()(kmod_module* module) const { kmod_module_unref(module); }
};
using Module = std::unique_ptr<kmod_module, ModuleEnd>;
struct ModuleListEnd {
  void operator()(kmod_list* list) const { kmod_module_unref_list(list); }
};
using ModuleList = std::unique_ptr<kmod_list, ModuleListEnd>;

bool is_module_name(std::string_view name) {
  for (const char* ending : {".ko", ".ko.gz", ".ko.xz", ".ko.zst"})
    if (name.ends_with(ending)) return true;
  return false;
}

// As modprobe and the kernel have it: a file's name up to its first dot, '-' the same as '_'.
std::string module_name(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  name.resize(std::min(name.find('.'), name.size()));
  std::ranges::replace(name, '-', '_');
  return name;
}

// Other than /etc/modprobe.d of this machine, which says nothing of the image.
Context open_context(const fs::path& directory) {
  const char* const none[] = {nullptr};
  Context context(kmod_new(directory.c_str(), none));
  if (context) kmod_set_log_priority(context.get(), 0);  // what goes wrong is said here
  return context;
}

Result<void> depmod(const std::vector<std::string>& arguments) {
  if (!find_program("depmod"))
    return cannot("kernel modules need depmod (package kmod), which is not on PATH; 'make deps' installs it");
  std::vector<std::string> argv = {"depmod"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  CG_TRY(done, run(argv, {.set_variables = {{"LC_ALL", "C"}}}));
  if (done.status != 0)
    return refused(fmt::format("depmod failed with status {}: {}", done.status, last_lines(done.err, 5)));
  return {};
}

class Selection {
 public:
  Selection(const ModuleRequest& request, const RootTree& image, ScratchDirectory scratch)
      : request_(request), image_(image), set_{{}, {}, {}, {}, std::move(scratch)} {}

  Result<ModuleSet> run() {
    CG_CHECK(find_files());
    CG_CHECK(open_indexes());
    for (const auto& name : request_.names) CG_CHECK(add_named(name));
    for (const auto& relative : chosen_)
      set_.modules.push_back({place() + "/" + relative, directory_ / relative});
    if (!chosen_.empty()) CG_CHECK(make_indexes());
    return std::move(set_);
  }

 private:
  std::string place() const { return "/lib/modules/" + set_.version; }

  Result<void> find_files() {
    std::error_code error;
    directory_ = fs::canonical(request_.directory, error);
    if (error || !fs::is_directory(directory_, error))
      return cannot(fmt::format("--modules {}: {}", request_.directory.string(),
                                error ? error.message() : "not a directory"));
    for (fs::recursive_directory_iterator at(directory_, error), end; !error && at != end;
         at.increment(error))
      // A link named "build" or "source" leads to the kernel's tree; files alone count.
      if (at->is_regular_file() && is_module_name(at->path().filename().string()))
        files_.emplace(module_name(at->path().filename().string()),
                       at->path().lexically_relative(directory_).string());
    if (error) return cannot(fmt::format("{}: {}", directory_.string(), error.message()));
    const bool has_builtin = fs::exists(directory_ / "modules.builtin", error);
    if (files_.empty() && !has_builtin)
      return refused(
          fmt::format("--modules {}: no kernel modules are in it; give a directory such as "
                      "/lib/modules/VERSION",
                      request_.directory.string()));
    return find_version();
  }

  // The directory's name is the kernel's; where it is none, the modules know for which kernel they are.
  Result<void> find_version() {
    set_.version = directory_.filename().string();
    if (!set_.version.empty() && is_digit(set_.version[0]) && set_.version.contains('.')) return {};
    const Context context = open_context(directory_);
    kmod_module* found = nullptr;
    if (!files_.empty() && context &&
        kmod_module_new_from_path(context.get(), (directory_ / files_.begin()->second).c_str(), &found) >=
            0) {
      const Module module(found);
      kmod_list* facts = nullptr;
      kmod_module_get_info(module.get(), &facts);
      for (kmod_list* at = facts; at; at = kmod_list_next(facts, at))
        if (std::string_view(kmod_module_info_get_key(at)) == "vermagic") {
          const std::string magic = kmod_module_info_get_value(at);
          set_.version = magic.substr(0, magic.find(' '));
        }
      kmod_module_info_free_list(facts);
      if (is_digit(set_.version[0]) && !set_.version.contains('/')) return {};
    }
    return refused(fmt::format(
        "--modules {}: neither its name nor its modules say for which kernel it is; name it as uname -r does",
        request_.directory.string()));
  }

  // An unpacked package has no indexes yet: they are made beside it.
  Result<void> open_indexes() {
    fs::path indexes = directory_;
    std::error_code error;
    if (!fs::exists(directory_ / "modules.dep.bin", error) ||
        !fs::exists(directory_ / "modules.builtin.bin", error)) {
      const fs::path base = set_.scratch.path() / "from";
      indexes = base / "lib/modules" / set_.version;
      for (const auto& [name, relative] : files_) CG_CHECK(link_module(relative, indexes));
      CG_CHECK(copy_lists(indexes));
      CG_CHECK(depmod({"-b", base.string(), set_.version}));
    }
    indexes_ = indexes;
    context_ = open_context(indexes);
    if (!context_) return cannot(indexes.string() + ": libkmod cannot open it");
    return {};
  }

  Result<void> link_module(const std::string& relative, const fs::path& tree) {
    CG_CHECK(make_directories((tree / relative).parent_path()));
    std::error_code error;
    fs::create_symlink(directory_ / relative, tree / relative, error);
    if (error) return cannot((tree / relative).string() + ": " + error.message());
    return {};
  }

  // What the kernel's build says of its modules, which depmod reads and does not make.
  Result<void> copy_lists(const fs::path& tree) {
    CG_CHECK(make_directories(tree));
    for (const char* name : {"modules.order", "modules.builtin", "modules.builtin.modinfo"})
      if (auto text = read_file(directory_ / name)) CG_CHECK(write_file_atomically(tree / name, *text));
    return {};
  }

  std::vector<std::string> known_names() const {
    std::set<std::string> names;
    for (const auto& [name, path] : files_) names.insert(name);
    if (const auto builtin = read_file(directory_ / "modules.builtin"))
      for (const auto line : split_lines(*builtin)) names.insert(module_name(std::string(line)));
    return {names.begin(), names.end()};
  }

  Result<void> add_named(const std::string& name) {
    kmod_list* found = nullptr;
    const int status = kmod_module_new_from_lookup(context_.get(), name.c_str(), &found);
    const ModuleList list(found);
    if (status < 0 || !found) {
      std::string plain = name;
      std::ranges::replace(plain, '-', '_');
      return refused(fmt::format("module {}: {} has none of this name{}", name, request_.directory.string(),
                                 did_you_mean(plain, known_names())));
    }
    for (kmod_list* at = found; at; at = kmod_list_next(found, at)) {
      const Module module(kmod_module_get_module(at));
      if (!kmod_module_get_path(module.get()))
        set_.builtin.push_back(name);
      else
        CG_CHECK(add(module.get()));
    }
    return {};
  }

  Result<void> add(kmod_module* module) {
    const char* path = kmod_module_get_path(module);
    if (!path) return {};  // in the kernel itself
    const std::string relative = fs::path(path).lexically_relative(indexes_).string();
    std::error_code error;
    if (!fs::is_regular_file(directory_ / relative, error))
      return refused(fmt::format("module {}: modules.dep names {}, which is not there; run depmod",
                                 kmod_module_get_name(module), (directory_ / relative).string()));
    if (!chosen_.insert(relative).second) return {};
    const ModuleList needed(kmod_module_get_dependencies(module));
    for (kmod_list* at = needed.get(); at; at = kmod_list_next(needed.get(), at)) {
      const Module other(kmod_module_get_module(at));
      CG_CHECK(add(other.get()));
    }
    return add_soft(module);
  }

  // "softdep=pre: a b post: c" in the module itself: taken along where they are.
  Result<void> add_soft(kmod_module* module) {
    kmod_list* facts = nullptr;
    kmod_module_get_info(module, &facts);
    std::vector<std::string> names;
    for (kmod_list* at = facts; at; at = kmod_list_next(facts, at))
      if (std::string_view(kmod_module_info_get_key(at)) == "softdep")
        for (const auto& word : split(kmod_module_info_get_value(at), ' '))
          if (!word.empty() && !word.ends_with(':')) names.push_back(word);
    kmod_module_info_free_list(facts);
    for (const auto& name : names) {
      kmod_list* list = nullptr;
      kmod_module_new_from_lookup(context_.get(), name.c_str(), &list);
      const ModuleList owner(list);
      for (kmod_list* at = list; at; at = kmod_list_next(list, at)) {
        const Module other(kmod_module_get_module(at));
        CG_CHECK(add(other.get()));
      }
    }
    return {};
  }

  // The image's modules of this version and the new ones, in one tree for depmod to read.
  Result<void> make_indexes() {
    const fs::path base = set_.scratch.path() / "to";
    const fs::path tree = base / "lib/modules" / set_.version;
    CG_CHECK(make_directories(tree));
    CG_TRY(there, resolve(image_, place()));
    if (there.entry && there.entry->kind == FileKind::directory) CG_CHECK(copy_modules(there.path, "", tree));
    for (const auto& relative : chosen_) CG_CHECK(link_module(relative, tree));
    CG_CHECK(copy_lists(tree));
    std::error_code error;
    CG_CHECK(depmod({"-b", base.string(), set_.version}));
    std::vector<std::string> names;
    // The configuration, where a distribution keeps it with the modules: a guest's kcheck looks for it there.
    if (auto config = read_file(directory_ / "config"))
      CG_CHECK(write_file_atomically(tree / "config", *config));
    for (const auto& entry : fs::directory_iterator(tree, error))
      if (const std::string name = entry.path().filename().string();
          name.starts_with("modules.") || name == "config")
        names.push_back(entry.path().filename().string());
    if (error) return cannot(tree.string() + ": " + error.message());
    std::ranges::sort(names);
    // As old as the newest module that they are of, so that the same modules give the same image.
    auto newest = fs::file_time_type::min();
    for (const auto& relative : chosen_)
      newest = std::max(newest, fs::last_write_time(directory_ / relative, error));
    for (const auto& name : names) {
      fs::last_write_time(tree / name, newest, error);
      set_.indexes.push_back({place() + "/" + name, tree / name});
    }
    if (error) return cannot(tree.string() + ": " + error.message());
    return {};
  }

  Result<void> copy_modules(const std::string& from, const std::string& below, const fs::path& to) {
    CG_TRY(names, image_.names(from));
    if (std::ranges::count(below, '/') > deepest_level)
      return refused(from + ": directories this deep are not looked into");
    for (const auto& name : names) {
      // A damaged image may have any name, and what it says becomes a name of this machine.
      if (name.contains('/') || name == "..") return refused(fmt::format("{}: a damaged name in it", from));
      const std::string path = from + "/" + name;
      const std::string relative = below.empty() ? name : below + "/" + name;
      CG_TRY(entry, image_.entry(path));
      if (entry && entry->kind == FileKind::directory) CG_CHECK(copy_modules(path, relative, to));
      if (!entry || entry->kind != FileKind::regular || !is_module_name(name) || chosen_.contains(relative))
        continue;
      CG_TRY(bytes, image_.read(path));
      CG_CHECK(make_directories((to / relative).parent_path()));
      CG_CHECK(write_file_atomically(to / relative, bytes));
    }
    return {};
  }

  const ModuleRequest& request_;
  const RootTree& image_;
  fs::path directory_;
  fs::path indexes_;
  Context context_;
  std::map<std::string, std::string> files_;  // name -> path below directory_
  std::set<std::string> chosen_;              // paths below directory_
  ModuleSet set_;
};

}  // namespace

Result<ModuleSet> select_modules(const ModuleRequest& request, const RootTree& image,
                                 const Environment& env) {
  CG_TRY(scratch, ScratchDirectory::create(env));
  return Selection(request, image, std::move(scratch)).run();
}

}  // namespace cg
