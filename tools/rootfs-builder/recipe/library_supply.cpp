// A round asks what is missing of each program, lays it over the image where the image's loader will look,
// and asks again: what was brought may need more. It ends when a round brings nothing.
#include "recipe/library_supply.h"

#include <fmt/format.h>

#include <algorithm>

namespace cg {
namespace fs = std::filesystem;
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string newest_glibc(const ElfFile& library) {
  std::string newest;
  for (const auto& version : library.version_definitions)
    if (version.starts_with("GLIBC_2")) newest = version;
  return newest;
}

class Supply {
 public:
  Supply(LayeredTree& image, Loader& loader, const LibrarySource& source)
      : image_(image),
        loader_(loader),
        root_(source.directory.empty() ? fs::path("/") : source.directory),
        is_host_(source.directory.empty()),
        host_(root_),
        host_loader_(host_) {}

  Result<std::vector<image::Change>> run(const std::vector<std::string>& programs) {
    for (bool brought = true; brought;) {
      brought = false;
      for (const auto& program : programs) {
        CG_TRY(closure, loader_.closure(program));
        for (const auto& problem : closure.problems) {
          CG_TRY(came, bring(closure, problem));
          brought = brought || came;
        }
      }
    }
    return std::move(changes_);
  }

 private:
  Result<bool> bring(const Closure& closure, const LoadError& problem) {
    if (problem.fault == LoadFault::interpreter_missing) return bring_loader(closure, problem.wanted);
    if (problem.fault == LoadFault::library_missing) return bring_library(closure, problem);
    return false;
  }

  // A directory that simply holds libraries has no directories to search.
  Result<std::optional<std::string>> lying_loose(const std::string& name, const ElfFile& asker) {
    if (is_host_) return std::nullopt;
    const auto file = resolve(host_, "/" + name);
    if (!file || !file->entry || file->entry->kind != FileKind::regular) return std::nullopt;
    CG_TRY(elf, host_loader_.elf(file->path));
    if (!elf || elf->machine != asker.machine || elf->bits != asker.bits) return std::nullopt;
    return file->path;
  }

  Result<bool> bring_loader(const Closure& closure, const std::string& interp) {
    const ElfFile& program = *closure.objects[0].elf;
    CG_TRY(loose, lying_loose(interp.substr(interp.rfind('/') + 1), program));
    std::string from;
    if (loose) {
      from = *loose;
    } else {
      const auto file = resolve(host_, interp);
      if (!file || !file->entry || file->entry->kind != FileKind::regular) return false;
      CG_TRY(elf, host_loader_.elf(file->path));
      if (!elf || elf->machine != program.machine) return false;
      from = file->path;
    }
    if (!uses_musl(program)) CG_CHECK(require_same_glibc(closure.objects[0], from));
    // Where /lib is a link into /usr, /lib64 is one as well, and not a directory beside it.
    const std::string top = interp.substr(0, interp.find('/', 1));
    CG_TRY(above, resolve(image_, top, LastLink::keep));
    CG_TRY(lib, resolve(image_, "/lib", LastLink::keep));
    if (!above.entry && top.starts_with("/lib") && lib.entry && lib.entry->kind == FileKind::link &&
        lib.entry->target.ends_with("usr/lib")) {
      CG_CHECK(image_.add_link(top, "usr" + top));
      changes_.emplace_back(image::NewSymlink{.path = top, .target = "usr" + top});
    }
    return put(from, interp);
  }

  // The objects that ask, with the directories they have on the host.
  std::vector<Loader::Asking> asking(const Closure& closure, std::size_t object,
                                     std::vector<std::size_t>& indices) const {
    std::vector<Loader::Asking> chain;
    for (std::size_t i = object;; i = closure.objects[i].needed_by) {
      auto elf = closure.objects[i].elf;
      std::string origin;
      if (const fs::path* source = image_.source_of(closure.objects[i].path)) {
        std::error_code error;
        const fs::path below =
            fs::relative(fs::canonical(*source, error), fs::canonical(root_, error), error);
        if (!error && !below.empty() && *below.begin() != "..") origin = directory_of("/" + below.string());
      }
      if (origin.empty()) {  // the image's own: its $ORIGIN means nothing on the host
        auto without = std::make_shared<ElfFile>(*elf);
        std::erase_if(without->run_path, [](const std::string& entry) { return entry.contains("ORIGIN"); });
        elf = std::move(without);
      }
      chain.insert(chain.begin(), {std::move(elf), std::move(origin)});
      indices.insert(indices.begin(), i);
      if (i == 0) return chain;
    }
  }

  Result<bool> bring_library(const Closure& closure, const LoadError& problem) {
    const std::string& library = problem.wanted;
    const LoadedObject& asker = closure.objects[problem.object];
    const bool is_musl = uses_musl(*closure.objects[0].elf);
    std::vector<std::size_t> indices;
    const auto chain = asking(closure, problem.object, indices);
    Loader::Found found;
    CG_TRY(loose, lying_loose(library, *asker.elf));
    if (loose) {
      found.path = *loose;
    } else {
      CG_TRY(searched, host_loader_.find(library, chain, is_musl));
      if (!searched) return false;
      found = std::move(*searched);
    }
    if (!is_musl) CG_CHECK(require_same_glibc(asker, found.path));
    if (library.contains('/')) return put(found.path, library);
    std::string directory;
    if (!found.pattern.empty()) {
      const LoadedObject& owner = closure.objects[indices[found.asker]];
      directory = Loader::expand(found.pattern, directory_of(owner.path), *owner.elf).front();
    } else {
      CG_TRY(standard, library_directory(asker, is_musl, found));
      directory = std::move(standard);
    }
    return put(found.path, directory + "/" + library);
  }

  // Beside the image's C library. Without one: where it was on the host, if the loader looks there untold.
  Result<std::string> library_directory(const LoadedObject& asker, bool is_musl, const Loader::Found& found) {
    if (is_musl) return std::string("/usr/lib");
    CG_TRY(libc, loader_.find("libc.so.6", {{asker.elf, directory_of(asker.path)}}, is_musl));
    if (libc && libc->standard) return directory_of(libc->path);
    const std::string directory =
        found.standard ? found.directory : Loader::standard_directories(*asker.elf).front();
    CG_TRY(lib, resolve(image_, "/lib"));
    CG_TRY(usr_lib, resolve(image_, "/usr/lib"));
    return !lib.entry && usr_lib.entry && directory.starts_with("/lib") ? "/usr" + directory : directory;
  }

  // Loader and libraries of one glibc call one another by private names that change with each version.
  Result<void> require_same_glibc(const LoadedObject& asker, const std::string& piece) {
    CG_TRY(elf, host_loader_.elf(piece));
    const bool is_piece = elf && (elf->soname.starts_with("ld-linux") || elf->soname.starts_with("ld64") ||
                                  elf->soname == "libc.so.6" ||
                                  std::ranges::any_of(elf->version_needs, [](const VersionNeed& need) {
                                    return need.version == "GLIBC_PRIVATE";
                                  }));
    if (!is_piece || elf->soname == "libc.so.6") return {};
    CG_TRY(here, loader_.find("libc.so.6", {{asker.elf, directory_of(asker.path)}}, false));
    CG_TRY(there, host_loader_.find("libc.so.6", {{asker.elf, "/"}}, false));
    if (!here || !there) return {};
    CG_TRY(image_libc, loader_.elf(here->path));
    CG_TRY(host_libc, host_loader_.elf(there->path));
    if (newest_glibc(*image_libc) == newest_glibc(*host_libc)) return {};
    return refused(fmt::format(
        "{}: is a part of the C library with {}, and the image's has {}; give one that fits with --libs-from",
        host_.host_path(piece).string(), newest_glibc(*host_libc), newest_glibc(*image_libc)));
  }

  Result<bool> put(const std::string& from, const std::string& to) {
    CG_TRY(place, resolve(image_, to));
    if (place.entry) return false;  // there is one that does not fit: not ours to replace
    const fs::path source = host_.host_path(from);
    CG_CHECK(image_.add(place.path, source));
    loader_.forget();
    changes_.emplace_back(
        image::Injection{.source = source, .destination = place.path, .mode = {}, .uid = {}, .gid = {}});
    return true;
  }

  LayeredTree& image_;
  Loader& loader_;
  fs::path root_;
  bool is_host_;
  HostTree host_;
  Loader host_loader_;
  std::vector<image::Change> changes_;
};

}  // namespace

Result<std::vector<image::Change>> supply_libraries(LayeredTree& image, Loader& loader,
                                                    const std::vector<std::string>& programs,
                                                    const LibrarySource& source) {
  if (!source.directory.empty()) {
    std::error_code error;
    if (!fs::is_directory(source.directory, error))
      return cannot(fmt::format("--libs-from {}: {}", source.directory.string(),
                                error ? error.message() : "not a directory"));
  }
  return Supply(image, loader, source).run(programs);
}

}  // namespace cg
