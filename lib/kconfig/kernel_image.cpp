#include "kconfig/kernel_image.h"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <cstring>
#include <memory>
#include <optional>

#include "compress/codec.h"
#include "compress/unpack.h"

namespace cg {
namespace {

using namespace std::string_view_literals;

// kernel/configs.c: the mark, config_data.gz, the end mark.
constexpr std::string_view begin_mark = "IKCFG_ST\x1f\x8b\x08"sv;
constexpr std::string_view end_mark = "IKCFG_ED"sv;
constexpr std::size_t mark_length = 8;
constexpr std::size_t largest_packed_config = 16 << 20;
constexpr std::size_t largest_config = 64 << 20;
constexpr std::uint64_t largest_kernel = 1ULL << 30;  // bytes, unpacked
constexpr std::size_t largest_wrapper = 64 << 20;     // bytes
constexpr int most_attempts = 24;                     // at places that only look like compressed data

template <class T>
T little_endian(std::string_view bytes, std::size_t at) {
  T value = 0;
  if (at + sizeof(T) > bytes.size()) return 0;
  for (std::size_t i = sizeof(T); i-- > 0;)
    value = static_cast<T>((value << 8) | static_cast<unsigned char>(bytes[at + i]));
  return value;
}

// Looks for the configuration in pieces that come one after the other.
class MarkFinder {
 public:
  // False when it has all of it.
  bool take(std::string_view piece) {
    window_ += piece;
    if (!begun_) {
      const std::size_t at = window_.find(begin_mark);
      if (at == std::string::npos) {
        if (window_.size() > begin_mark.size()) window_.erase(0, window_.size() - begin_mark.size());
        return true;
      }
      begun_ = true;
      window_.erase(0, at + mark_length);
    }
    const std::size_t from = searched_ > end_mark.size() ? searched_ - end_mark.size() : 0;
    const std::size_t end = window_.find(end_mark, from);
    searched_ = window_.size();
    if (end != std::string::npos) {
      packed_ = window_.substr(0, end);
      return false;
    }
    return window_.size() <= largest_packed_config;
  }
  const std::optional<std::string>& packed() const { return packed_; }

 private:
  std::string window_;
  std::size_t searched_ = 0;
  bool begun_ = false;
  std::optional<std::string> packed_;
};

std::optional<std::string_view> find_in(std::string_view bytes) {
  const void* found = memmem(bytes.data(), bytes.size(), begin_mark.data(), begin_mark.size());
  if (!found) return std::nullopt;
  const std::size_t at =
      static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + mark_length;
  const std::string_view rest = bytes.substr(at, largest_packed_config);
  const std::size_t end = rest.find(end_mark);
  if (end == std::string_view::npos) return std::nullopt;
  return rest.substr(0, end);
}

// The bytes of an ELF file's .rodata, which is where kernel/configs.c puts it; all bytes when there is none.
std::string_view read_only_data(std::string_view bytes) {
  if (elf_version(EV_CURRENT) == EV_NONE) return bytes;
  // libelf only reads a 64-bit file of the machine's own byte order; it may convert headers of others in its
  // own memory.
  const std::unique_ptr<Elf, int (*)(Elf*)> elf(elf_memory(const_cast<char*>(bytes.data()), bytes.size()),
                                                elf_end);
  std::size_t names = 0;
  if (!elf || elf_getshdrstrndx(elf.get(), &names) != 0) return bytes;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf.get(), section)) != nullptr;) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header)) continue;
    const char* name = elf_strptr(elf.get(), names, header.sh_name);
    const bool inside = header.sh_offset <= bytes.size() && header.sh_size <= bytes.size() - header.sh_offset;
    if (name && std::string_view(name) == ".rodata" && header.sh_type == SHT_PROGBITS && inside)
      return bytes.substr(header.sh_offset, header.sh_size);
  }
  return bytes;
}

bool is_elf(std::string_view bytes) {
  return bytes.starts_with(
      "\x7f"
      "ELF"sv);
}
bool is_bzimage(std::string_view bytes) {
  return bytes.size() > 0x250 && bytes.substr(0x202, 4) == "HdrS";
}
bool is_zboot(std::string_view bytes) {
  return bytes.starts_with("MZ") && bytes.size() > 64 && bytes.substr(4, 4) == "zimg";
}

struct Payload {
  std::string_view bytes;
  std::string form;
};

// Documentation/arch/x86/boot.rst: setup_sects, then the protected-mode code with the payload inside.
std::optional<Payload> bzimage_payload(std::string_view bytes) {
  std::size_t sectors = static_cast<unsigned char>(bytes[0x1f1]);
  if (sectors == 0) sectors = 4;
  if (little_endian<std::uint16_t>(bytes, 0x206) < 0x208) return std::nullopt;
  const std::size_t at = (sectors + 1) * 512 + little_endian<std::uint32_t>(bytes, 0x248);
  const std::size_t length = little_endian<std::uint32_t>(bytes, 0x24c);
  if (at >= bytes.size()) return std::nullopt;
  std::string_view payload = bytes.substr(at, length);
  // The build appends the unpacked size to all but gzip, which ends with it anyway.
  if (payload.size() >= 4 && codec_of(payload) != Codec::gzip) payload.remove_suffix(4);
  return Payload{payload, "bzImage"};
}

// drivers/firmware/efi/libstub/zboot-header.S.
std::optional<Payload> zboot_payload(std::string_view bytes) {
  const std::size_t at = little_endian<std::uint32_t>(bytes, 8);
  const std::size_t length = little_endian<std::uint32_t>(bytes, 12);
  if (at >= bytes.size()) return std::nullopt;
  return Payload{bytes.substr(at, length), "vmlinuz.efi"};
}

Result<EmbeddedConfig> unpack(std::string_view packed, const std::string& name, std::string form) {
  CG_TRY(text, unpack_whole(packed, name + " (its embedded configuration)", largest_config));
  return EmbeddedConfig{std::move(text), std::move(form)};
}

Result<EmbeddedConfig> from_payload(const Payload& payload, const std::string& name) {
  MarkFinder finder;
  const auto done = unpack_stream(payload.bytes, name, largest_kernel,
                                  [&](std::string_view piece) { return finder.take(piece); });
  const auto codec = codec_of(payload.bytes);
  const std::string form = fmt::format("{} ({})", payload.form, codec ? to_string(*codec) : "");
  if (finder.packed()) return unpack(*finder.packed(), name, form);
  if (!done) return std::unexpected(done.error());
  return refused(fmt::format(
      "{}: a {} without a configuration inside (IKCONFIG is not y): give the .config it was built from", name,
      form));
}

// Images of other machines and loaders: wherever compressed data seems to begin.
std::optional<EmbeddedConfig> search_payloads(std::string_view bytes, const std::string& name) {
  for (const auto& [mark, codec] : codec_marks()) {
    int attempts = 0;
    for (std::size_t at = bytes.find(mark); at != std::string_view::npos && attempts < most_attempts;
         at = bytes.find(mark, at + 1)) {
      ++attempts;
      if (auto found = from_payload({bytes.substr(at), "kernel image"}, name)) return std::move(*found);
    }
  }
  return std::nullopt;
}

}  // namespace

// arm64 and riscv: Documentation/arch/{arm64/booting,riscv/boot-image-header}.rst; s390:
// arch/s390/boot/head.S; 0x27051956: the header of U-Boot.
bool is_kernel_image(std::string_view bytes) {
  const auto has = [&](std::size_t at, std::string_view mark) {
    return bytes.size() > at && bytes.substr(at).starts_with(mark);
  };
  return is_elf(bytes) || is_bzimage(bytes) || has(0, "MZ") || has(0, "\x27\x05\x19\x56"sv) ||
         has(56, "ARM\x64") || has(56, "RSC\x05") || has(0x10008, "S390EP");
}

Result<EmbeddedConfig> extract_config(std::string_view bytes, const std::string& name) {
  if (is_elf(bytes)) {
    if (const auto packed = find_in(read_only_data(bytes))) return unpack(*packed, name, "vmlinux");
    if (const auto packed = find_in(bytes)) return unpack(*packed, name, "vmlinux");
    // The zImage of powerpc is an ELF file around a compressed one.
    if (bytes.size() <= largest_wrapper)
      if (auto found = search_payloads(bytes, name)) return std::move(*found);
    return refused(name +
                   ": an ELF file without a configuration inside (IKCONFIG is not y): give the .config it "
                   "was built from");
  }
  if (is_bzimage(bytes) || is_zboot(bytes)) {
    const auto payload = is_zboot(bytes) ? zboot_payload(bytes) : bzimage_payload(bytes);
    if (!payload) return refused(name + ": a kernel image that is cut short");
    if (codec_of(payload->bytes)) return from_payload(*payload, name);
  }
  if (codec_of(bytes)) return from_payload({bytes, "compressed image"}, name);
  if (const auto packed = find_in(bytes)) return unpack(*packed, name, "kernel image");
  if (auto found = search_payloads(bytes, name)) return std::move(*found);
  return refused(name +
                 ": a kernel image without a configuration inside (IKCONFIG is not y), or of a form that is "
                 "not known: give the .config it was built from");
}

}  // namespace cg
