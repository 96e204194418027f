#include "kconfig/input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "base/file.h"
#include "base/io/mapped_file.h"
#include "base/text.h"
#include "compress/codec.h"
#include "compress/unpack.h"
#include "kernel/configuration.h"
#include "kernel/form.h"
#include "kernel/release.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t largest_text = 64 << 20;      // bytes; the largest real configuration is below 1 MB
constexpr std::uint64_t largest_kernel = 4ULL << 30;  // bytes; a vmlinux with debug information

Result<ConfigInput> read_text(std::string text, const std::string& name, std::string form) {
  CG_TRY(config, parse_config(std::move(text), name));
  if (form.empty()) form = config.version.empty() ? "fragment" : "configuration";
  return ConfigInput{std::move(config), name, std::move(form)};
}

Result<ConfigInput> read_embedded(std::string_view bytes, const std::string& name) {
  CG_TRY(embedded, extract_config(bytes, name));
  return read_text(std::move(embedded.text), name, std::move(embedded.form));
}

// Compressed: a configuration as it is, or a kernel. The first bytes tell.
Result<ConfigInput> read_compressed(std::string_view bytes, const std::string& name) {
  std::string first;
  CG_CHECK(unpack_stream(bytes, name, largest_kernel, [&](std::string_view piece) {
    first = piece.substr(0, 4096);
    return false;
  }));
  const bool text = !first.contains('\0') && kernel_form(first) == KernelForm::none;
  if (!text) return read_embedded(bytes, name);
  CG_TRY(whole, unpack_whole(bytes, name, largest_text));
  return read_text(std::move(whole), name, std::string(to_string(*codec_of(bytes))));
}

Result<KernelConfig> load_directory(const fs::path& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto extension = entry.path().extension();
    if (entry.is_regular_file() && (extension == ".conf" || extension == ".config" || extension == ".cfg"))
      files.push_back(entry.path().string());
  }
  if (error) return cannot(fmt::format("{}: {}", directory.string(), error.message()));
  if (files.empty())
    return refused(fmt::format("{}: holds no fragment (*.conf, *.config, *.cfg)", directory.string()));
  std::ranges::sort(files);
  return load_fragments(files);
}

bool is_packed(std::string_view bytes) {
  return codec_of(bytes) || kernel_form(bytes) != KernelForm::none;
}

Result<ConfigInput> read_packed(std::string_view bytes, const std::string& name) {
  return codec_of(bytes) ? read_compressed(bytes, name) : read_embedded(bytes, name);
}

// Of a kernel that does not carry it: "config-RELEASE" beside it, as distributions put both into /boot.
Result<ConfigInput> beside_kernel(const fs::path& kernel, std::string_view bytes, const Error& without) {
  std::error_code error;
  const fs::path file = fs::canonical(kernel, error);
  const auto release = kernel_release(bytes, kernel.string());
  if (without.kind != ErrorKind::cannot || error || !release || release->contains('/'))
    return std::unexpected(without);
  const fs::path place = file.parent_path() / ("config-" + *release);
  if (!fs::is_regular_file(place, error)) return std::unexpected(without);
  CG_TRY(text, read_file(place, largest_text));
  return read_text(std::move(text), place.string(), "");
}

Result<ConfigInput> read_file_bytes(std::string_view bytes, const fs::path& path) {
  auto input = read_packed(bytes, path.string());
  return input ? std::move(input) : beside_kernel(path, bytes, input.error());
}

std::unexpected<Error> too_much_text(std::uint64_t size, const std::string& name) {
  return refused(fmt::format("{}: {} is no kernel configuration", name, human_size(size)));
}

}  // namespace

Result<ConfigInput> read_config(std::string bytes, const std::string& name) {
  if (is_packed(bytes)) return read_packed(bytes, name);
  if (bytes.size() > largest_text) return too_much_text(bytes.size(), name);
  return read_text(std::move(bytes), name, "");
}

Result<ConfigInput> load_config_input(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return cannot_errno(path.string(), errno);
  if (S_ISDIR(status.st_mode)) {
    CG_TRY(config, load_directory(path));
    return ConfigInput{std::move(config), path.string(), "directory of fragments"};
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode) || size <= largest_text) {
    CG_TRY(bytes, read_fd(fd.get(), path.string(), largest_text));
    if (is_packed(bytes)) return read_file_bytes(bytes, path);
    return read_config(std::move(bytes), path.string());
  }
  if (size > largest_kernel) return too_much_text(size, path.string());
  CG_TRY(mapping, MappedFile::of(fd.get(), path.string()));
  if (!is_packed(mapping.bytes())) return too_much_text(size, path.string());
  return read_file_bytes(mapping.bytes(), path);
}

Result<ConfigInput> running_config(const std::string& release) {
  const std::vector<std::string> places = {"/proc/config.gz", "/boot/config-" + release,
                                           "/lib/modules/" + release + "/config"};
  for (const auto& place : places)
    if (::access(place.c_str(), R_OK) == 0) return load_config_input(place);
  return cannot("none of " + join(places, ", ") + " can be read");
}

Result<KernelConfig> load_fragments(const std::vector<std::string>& paths) {
  KernelConfig merged;
  for (const auto& path : paths) {
    CG_TRY(input, load_config_input(path));
    merge_config(merged, input.config);
  }
  return merged;
}

}  // namespace cg
