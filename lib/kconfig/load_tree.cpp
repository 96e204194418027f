// Kconfig trees from a kernel's sources: the files, and the few variables of the build that Kconfig asks for.
#include <fcntl.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/text.h"
#include "kconfig/parser.h"
#include "kconfig/tree.h"

namespace cg::kconfig {
namespace fs = std::filesystem;
namespace {

constexpr off_t largest_file = 8 << 20;  // bytes; the largest real one is below 200 kB
constexpr std::size_t largest_tree = 256 << 20;

// Reads files relative to a directory, straight into the tree.
class DirectoryReader {
 public:
  explicit DirectoryReader(UniqueFd directory) : directory_(std::move(directory)) {}

  std::optional<std::string_view> operator()(Tree& tree, const std::string& name) {
    const UniqueFd fd(::openat(directory_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > largest_file)
      return std::nullopt;
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0) return std::string_view();
    if ((total_ += size) > largest_tree) return std::nullopt;
    auto bytes = std::make_unique_for_overwrite<char[]>(size);
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got = ::read(fd.get(), bytes.get() + have, size - have);
      if (got < 0) return std::nullopt;
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    const std::string_view text(bytes.get(), have);
    tree.storage.push_back(std::move(bytes));
    return text;
  }

 private:
  UniqueFd directory_;
  std::size_t total_ = 0;
};

// "VERSION = 6", "PATCHLEVEL = 12", ... of the kernel's Makefile -> "6.12.117".
std::string version_of(std::string_view makefile) {
  std::map<std::string_view, std::string_view> values;
  for (const std::string_view line : split_lines(makefile.substr(0, 4096))) {
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos)
      values.emplace(trim(line.substr(0, equals)), trim(line.substr(equals + 1)));
  }
  if (values["VERSION"].empty()) return "";
  std::string version = fmt::format("{}.{}", values["VERSION"], values["PATCHLEVEL"]);
  if (!values["SUBLEVEL"].empty()) version += fmt::format(".{}", values["SUBLEVEL"]);
  return version + std::string(values["EXTRAVERSION"]);
}

// Each part of a pattern against the directory it stands in.
void find_files(const fs::path& root, const fs::path& done, const std::vector<std::string>& parts,
                std::size_t at, std::vector<std::string>& found) {
  if (at == parts.size()) {
    found.push_back(done.string());
    return;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root / done, error)) {
    const std::string name = entry.path().filename().string();
    if (::fnmatch(parts[at].c_str(), name.c_str(), FNM_PERIOD) == 0)
      find_files(root, done / name, parts, at + 1, found);
  }
}

}  // namespace

Result<Tree> load_tree(const fs::path& directory, const TreeOptions& options) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return cannot_errno(directory.string(), errno);
  if (::faccessat(fd.get(), "Kconfig", R_OK, 0) != 0)
    return refused(fmt::format("{}: not a Linux source tree (it has no file Kconfig)", directory.string()));
  std::string version;
  if (const auto makefile = read_file(directory / "Makefile", 4 << 20)) version = version_of(*makefile);
  const std::string architecture = source_architecture(options.architecture);
  if (::faccessat(fd.get(), ("arch/" + architecture).c_str(), R_OK, 0) != 0 &&
      ::faccessat(fd.get(), "arch", R_OK, 0) == 0) {
    std::vector<std::string> known;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory / "arch", error))
      if (entry.is_directory(error)) known.push_back(entry.path().filename().string());
    std::ranges::sort(known);
    return usage_error(fmt::format("{}: has no architecture '{}'{} (known: {})", directory.string(),
                                   options.architecture, did_you_mean(architecture, known),
                                   join(known, ", ")));
  }
  const Macros::Variables variables = {
      {"srctree", "."},           {"ARCH", make_architecture(options.architecture)},
      {"SRCARCH", architecture},  {"KERNELVERSION", version},
      {"KCONFIG_EXT_PREFIX", ""}, {"UNAME_RELEASE", ""},
  };
  DirectoryReader reader(std::move(fd));
  const auto read = [&reader](Tree& tree, const std::string& name) { return reader(tree, name); };
  const auto find = [&directory](const std::string& pattern) {
    std::vector<std::string> found;
    find_files(directory, {}, split(pattern, '/'), 0, found);
    std::ranges::sort(found);
    return found;
  };
  auto tree = parse(read, find, variables);
  if (!tree)
    return std::unexpected(Error{tree.error().kind, directory.string() + "/" + tree.error().message});
  tree->version = version;
  tree->architecture = architecture;
  tree->arch = make_architecture(options.architecture);
  tree->directory = directory;
  return tree;
}

Result<Tree> parse_tree(const std::map<std::string, std::string>& files,
                        const std::map<std::string, std::string, std::less<>>& variables) {
  const auto read = [&files](Tree& tree, const std::string& name) -> std::optional<std::string_view> {
    const auto found = files.find(name);
    if (found == files.end()) return std::nullopt;
    return keep(tree, found->second);
  };
  const auto find = [&files](const std::string& pattern) {
    std::vector<std::string> found;
    for (const auto& [name, text] : files)
      if (::fnmatch(pattern.c_str(), name.c_str(), FNM_PATHNAME) == 0) found.push_back(name);
    return found;
  };
  return parse(read, find, variables);
}

}  // namespace cg::kconfig
