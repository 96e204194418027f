#include "modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

#include "base/file.h"
#include "base/io/mapped_file.h"
#include "base/text.h"
#include "compress/codec.h"
#include "compress/unpack.h"
#include "kernel/release.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t largest_module = 64 << 20;  // bytes, unpacked
constexpr const char* index_name = "modules.dep";

// As the kernel has it: a file's name up to its first dot, '-' the same as '_'.
std::string module_name(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  name.resize(std::min(name.find('.'), name.size()));
  std::ranges::replace(name, '-', '_');
  return name;
}

// "kernel/a.ko: kernel/b.ko kernel/c.ko", a line a module: all that it needs, what needs nothing last.
class ModuleIndex {
 public:
  explicit ModuleIndex(std::string_view text) {
    for (const auto line : split_lines(text)) {
      const auto colon = line.find(':');
      if (colon == line.npos) continue;
      std::vector<std::string> files{std::string(line.substr(0, colon))};
      for (auto& word : split(line.substr(colon + 1), ' '))
        if (!word.empty()) files.push_back(std::move(word));
      std::ranges::reverse(files);
      files_[module_name(line.substr(0, colon))] = std::move(files);
    }
  }
  // In the order in which they are loaded.
  const std::vector<std::string>& files_of(const std::string& name) const {
    static const std::vector<std::string> none;
    const auto found = files_.find(name);
    return found == files_.end() ? none : found->second;
  }

 private:
  std::map<std::string, std::vector<std::string>> files_;
};

class Collection {
 public:
  Collection(fs::path directory, const ModuleIndex& index)
      : directory_(std::move(directory)), index_(index) {}

  // `before`: the files that are loaded by then. Returns these and the set's own.
  Result<std::set<std::string>> add(const std::string& set, const std::vector<std::string>& names,
                                    std::set<std::string> before) {
    std::size_t number = 0;
    for (const auto& name : names)
      for (const auto& file : index_.files_of(name))
        if (before.insert(file).second) {
          CG_TRY(bytes, read(file));
          files_.push_back(
              {fmt::format("{}/{:02}-{}.ko", set, number++, module_name(file)), std::move(bytes)});
        }
    return before;
  }
  std::vector<GuestFile>& files() { return files_; }

 private:
  Result<std::string> read(const std::string& file) const {
    const fs::path path = directory_ / file;
    CG_TRY(bytes, read_file(path, largest_module));
    if (!codec_of(bytes)) return bytes;
    return unpack_whole(bytes, path.string(), largest_module);
  }

  const fs::path directory_;
  const ModuleIndex& index_;
  std::vector<GuestFile> files_;
};

}  // namespace

fs::path find_modules(const fs::path& kernel) {
  std::error_code error;
  const fs::path file = fs::canonical(kernel, error);
  if (error) return {};
  std::vector<fs::path> places = {file.parent_path() / "lib/modules", "/lib/modules"};
  std::erase_if(places, [&](const fs::path& place) { return !fs::is_directory(place, error); });
  if (places.empty()) return {};
  const auto mapped = MappedFile::open(file);
  const auto release =
      mapped ? kernel_release(mapped->bytes(), file.string()) : std::unexpected(mapped.error());
  if (!release || release->contains('/')) return {};
  for (const auto& place : places)
    if (fs::is_regular_file(place / *release / index_name, error)) return place / *release;
  return {};
}

Result<std::vector<GuestFile>> guest_modules(const fs::path& directory, const ModuleNeeds& needs) {
  std::error_code error;
  if (!fs::is_regular_file(directory / index_name, error))
    return cannot(
        fmt::format("--modules {}: no {} in it; name a /lib/modules/RELEASE, and depmod makes its index",
                    directory.string(), index_name));
  CG_TRY(text, read_file(directory / index_name, largest_module));
  const ModuleIndex index(text);
  Collection collection(directory, index);
  std::vector<std::string> always = {"virtio_pci", "virtio_console", "virtio_blk", "virtio_rng"};
  if (needs.pmem) always.insert(always.end(), {"nfit", "nd_pmem"});
  CG_TRY(loaded, collection.add("modules", always, {}));
  // The checksum is asked for by its name in the crypto API, which no dependency names.
  if (needs.image)
    for (const std::string type : {"ext4", "erofs", "squashfs", "xfs"})
      CG_CHECK(collection.add("modules-" + type, {"crc32c_generic", type}, loaded));
  return std::move(collection.files());
}

}  // namespace cg
