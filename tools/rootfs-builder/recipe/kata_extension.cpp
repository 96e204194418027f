#include "recipe/kata_extension.h"

#include <fmt/format.h>

#include <algorithm>

namespace cg {
namespace {

// A basic string of TOML.
std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (byte < 0x20 || byte == 0x7f)
      quoted += fmt::format("\\u{:04X}", byte);
    else
      quoted += c;
  }
  return quoted + '"';
}

}  // namespace

bool is_extension_name(std::string_view name) {
  constexpr std::size_t serial_bytes = 20;
  return !name.empty() && std::string_view("extension-").size() + name.size() <= serial_bytes &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_';
         });
}

std::string kata_drop_in(const std::string& name, const std::filesystem::path& image,
                         const std::optional<image::VerityTree>& verity) {
  return fmt::format(
      "# A guest extension for Kata Containers 4.x with QEMU. This file goes into the folder config.d beside "
      "the\n"
      "# runtime's configuration file; the image is mounted at /run/kata-extensions/{0} in the guest.\n"
      "[[hypervisor.qemu.guest_extension_images]]\n"
      "name = {1}\n"
      "path = {2}\n"
      "verity_params = {3}\n",
      name, toml_string(name), toml_string(image.string()),
      toml_string(verity ? verity->kata_parameters() : ""));
}

}  // namespace cg
