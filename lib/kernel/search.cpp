#include "kernel/search.h"

#include <fmt/format.h>

#include <optional>

#include "compress/codec.h"
#include "compress/unpack.h"
#include "kernel/form.h"
#include "kernel/payload.h"
#include "kernel/vmlinux.h"

namespace cg {
namespace {

constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::uint64_t largest_kernel = 1ULL << 30;  // bytes, unpacked
constexpr std::size_t largest_wrapper = 64 << 20;     // bytes
constexpr int most_attempts = 24;                     // at places that only look like compressed data

bool look_at(std::string_view bytes, KernelSearch& search) {
  search.begin();
  while (!bytes.empty() && search.take(bytes.substr(0, piece_bytes)))
    bytes.remove_prefix(std::min(bytes.size(), piece_bytes));
  return search.found();
}

// `bytes` are compressed.
Result<SearchedKernel> look_inside(std::string_view bytes, std::string_view form, const std::string& name,
                                   KernelSearch& search) {
  search.begin();
  const auto done =
      unpack_stream(bytes, name, largest_kernel, [&](std::string_view piece) { return search.take(piece); });
  if (!search.found()) CG_CHECK(done);
  return SearchedKernel{fmt::format("{} ({})", form, to_string(*codec_of(bytes))), search.found()};
}

// Images of other machines and loaders: wherever compressed data seems to begin.
std::optional<SearchedKernel> look_for_payloads(std::string_view bytes, const std::string& name,
                                                KernelSearch& search) {
  for (const auto& [mark, codec] : codec_marks()) {
    int attempts = 0;
    for (std::size_t at = bytes.find(mark); at != std::string_view::npos && attempts < most_attempts;
         at = bytes.find(mark, at + 1)) {
      ++attempts;
      const auto searched = look_inside(bytes.substr(at), "kernel image", name, search);
      if (searched && searched->found) return *searched;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<SearchedKernel> search_kernel(std::string_view bytes, const std::string& name, KernelSearch& search) {
  const KernelForm form = kernel_form(bytes);
  if (form == KernelForm::vmlinux) {
    if (look_at(read_only_data(bytes), search) || look_at(bytes, search))
      return SearchedKernel{"vmlinux", true};
    // The zImage of powerpc is an ELF file around a compressed one.
    const auto wrapped =
        bytes.size() <= largest_wrapper ? look_for_payloads(bytes, name, search) : std::nullopt;
    return wrapped.value_or(SearchedKernel{"vmlinux"});
  }
  if (form == KernelForm::bz_image || form == KernelForm::zboot) {
    const bool zboot = form == KernelForm::zboot;
    const auto payload = zboot ? zboot_payload(bytes) : bzimage_payload(bytes);
    if (!payload) return refused(name + ": a kernel image that is cut short");
    if (codec_of(*payload)) return look_inside(*payload, zboot ? "vmlinuz.efi" : "bzImage", name, search);
  }
  if (codec_of(bytes)) return look_inside(bytes, "compressed image", name, search);
  if (look_at(bytes, search)) return SearchedKernel{"kernel image", true};
  return look_for_payloads(bytes, name, search).value_or(SearchedKernel{"kernel image"});
}

}  // namespace cg
