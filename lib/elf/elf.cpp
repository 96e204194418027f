// libelf checks a file's own offsets when it hands out headers and sections; what is looked up by an offset
// out of the file's contents (strings, notes) is checked here.
#include "elf/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "base/digits.h"
#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace {

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};

// A C library has some fifty; libstdc++ as many again.
constexpr std::size_t most_versions = 4096;

struct Machine {
  std::uint16_t number;
  std::string_view name;  // as uname(2) says it
};
constexpr std::array<Machine, 9> machines{{{EM_X86_64, "x86_64"},
                                           {EM_386, "i686"},
                                           {EM_AARCH64, "aarch64"},
                                           {EM_ARM, "arm"},
                                           {EM_PPC64, "ppc64le"},
                                           {EM_S390, "s390x"},
                                           {EM_RISCV, "riscv64"},
                                           {EM_MIPS, "mips64"},
                                           {EM_LOONGARCH, "loongarch64"}}};

std::string machine_name(std::uint16_t number) {
  for (const auto& machine : machines)
    if (machine.number == number) return std::string(machine.name);
  return fmt::format("machine-{}", number);
}

class Reader {
 public:
  Reader(Elf* elf, std::string name) : elf_(elf), name_(std::move(name)) {}

  Result<ElfFile> read() {
    GElf_Ehdr header;
    if (!gelf_getehdr(elf_, &header)) return damaged("ELF header");
    file_.bits = gelf_getclass(elf_) == ELFCLASS64 ? 64 : 32;
    file_.little_endian = header.e_ident[EI_DATA] == ELFDATA2LSB;
    file_.abi_machine = header.e_machine;
    file_.machine = machine_name(header.e_machine);
    file_.type = header.e_type == ET_REL    ? ElfType::relocatable
                 : header.e_type == ET_EXEC ? ElfType::executable
                 : header.e_type == ET_DYN  ? ElfType::shared
                 : header.e_type == ET_CORE ? ElfType::core
                                            : ElfType::other;
    CG_CHECK(read_segments());
    CG_CHECK(read_sections());
    const bool loadable = file_.type == ElfType::executable || file_.type == ElfType::shared;
    file_.is_static = loadable && file_.interp.empty() && file_.needed.empty() && file_.soname.empty();
    file_.is_pie = file_.type == ElfType::shared && (pie_flag_ || !file_.interp.empty());
    return std::move(file_);
  }

 private:
  std::unexpected<Error> damaged(std::string_view what) const {
    const char* why = elf_errmsg(-1);
    return refused(fmt::format("{}: damaged ELF file: {}{}{}", name_, what, why ? ": " : "", why ? why : ""));
  }

  // The bytes of a segment; libelf refuses a range that is not inside the file.
  Result<std::string_view> segment_bytes(const GElf_Phdr& segment, Elf_Type type, std::string_view what) {
    if (segment.p_filesz == 0) return std::string_view();
    Elf_Data* data =
        elf_getdata_rawchunk(elf_, static_cast<int64_t>(segment.p_offset), segment.p_filesz, type);
    if (!data || !data->d_buf) return damaged(what);
    return std::string_view(static_cast<const char*>(data->d_buf), data->d_size);
  }

  Result<void> read_segments() {
    std::size_t count = 0;
    if (elf_getphdrnum(elf_, &count) != 0) return damaged("program headers");
    std::vector<GElf_Phdr> segments(count);
    for (std::size_t i = 0; i < count; ++i)
      if (!gelf_getphdr(elf_, static_cast<int>(i), &segments[i])) return damaged("program headers");
    for (const auto& segment : segments) {
      if (segment.p_type == PT_INTERP) {
        CG_TRY(bytes, segment_bytes(segment, ELF_T_BYTE, "INTERP"));
        const std::size_t end = bytes.find('\0');
        if (end == std::string_view::npos || end == 0)
          return refused(name_ + ": damaged ELF file: INTERP holds no path");
        file_.interp = bytes.substr(0, end);
      } else if (segment.p_type == PT_NOTE && file_.build_id.empty()) {
        CG_CHECK(read_notes(segment));
      }
    }
    for (const auto& segment : segments)
      if (segment.p_type == PT_DYNAMIC) CG_CHECK(read_dynamic(segment, segments));
    return {};
  }

  Result<void> read_notes(const GElf_Phdr& segment) {
    if (segment.p_filesz == 0) return {};
    const Elf_Type type = segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
    Elf_Data* data =
        elf_getdata_rawchunk(elf_, static_cast<int64_t>(segment.p_offset), segment.p_filesz, type);
    if (!data || !data->d_buf) return damaged("NOTE");
    const std::string_view bytes(static_cast<const char*>(data->d_buf), data->d_size);
    GElf_Nhdr note;
    std::size_t name_at = 0;
    std::size_t text_at = 0;
    for (std::size_t at = 0; at < bytes.size();) {  // gelf_getnote stays inside `data`
      const std::size_t next = gelf_getnote(data, at, &note, &name_at, &text_at);
      if (next == 0) break;
      if (note.n_type == NT_GNU_BUILD_ID &&
          bytes.substr(name_at, note.n_namesz) == std::string_view("GNU\0", 4))
        file_.build_id += hex(std::as_bytes(std::span(bytes.substr(text_at, note.n_descsz))));
      at = next;
    }
    return {};
  }

  Result<void> read_dynamic(const GElf_Phdr& dynamic, const std::vector<GElf_Phdr>& segments) {
    if (dynamic.p_filesz == 0) return {};
    Elf_Data* data =
        elf_getdata_rawchunk(elf_, static_cast<int64_t>(dynamic.p_offset), dynamic.p_filesz, ELF_T_DYN);
    if (!data || !data->d_buf) return damaged("DYNAMIC");
    std::vector<std::pair<GElf_Sxword, GElf_Xword>> entries;
    const std::size_t entry_size = gelf_fsize(elf_, ELF_T_DYN, 1, EV_CURRENT);
    for (std::size_t i = 0; entry_size > 0 && i < data->d_size / entry_size; ++i) {
      GElf_Dyn entry;
      if (!gelf_getdyn(data, static_cast<int>(i), &entry)) return damaged("DYNAMIC");
      if (entry.d_tag == DT_NULL) break;
      entries.emplace_back(entry.d_tag, entry.d_un.d_val);
    }
    GElf_Addr table_address = 0;
    std::uint64_t table_size = 0;
    for (const auto& [tag, value] : entries) {
      if (tag == DT_STRTAB) table_address = value;
      if (tag == DT_STRSZ) table_size = value;
      if (tag == DT_FLAGS_1) pie_flag_ = (value & DF_1_PIE) != 0;
    }
    if (const auto place = place_of(table_address, segments)) {
      const std::uint64_t size = std::min(table_size, place->bytes);
      Elf_Data* bytes =
          size > 0 ? elf_getdata_rawchunk(elf_, static_cast<int64_t>(place->offset), size, ELF_T_BYTE)
                   : nullptr;
      if (size > 0 && (!bytes || !bytes->d_buf)) return damaged("string table");
      if (bytes) names_ = {static_cast<const char*>(bytes->d_buf), bytes->d_size};
    }
    std::string run_path;
    std::string old_path;
    for (const auto& [tag, value] : entries) {
      if (tag != DT_NEEDED && tag != DT_SONAME && tag != DT_RUNPATH && tag != DT_RPATH) continue;
      CG_TRY(name, text_at(value));
      if (tag == DT_NEEDED)
        file_.needed.push_back(std::move(name));
      else if (tag == DT_SONAME)
        file_.soname = std::move(name);
      else if (tag == DT_RUNPATH)
        run_path = std::move(name);
      else
        old_path = std::move(name);
    }
    // RPATH is not looked at when there is a RUNPATH (ld.so(8)).
    const std::string& paths = run_path.empty() ? old_path : run_path;
    if (!paths.empty()) file_.run_path = split(paths, ':');
    file_.run_path_is_handed_down = run_path.empty() && !old_path.empty();
    for (const auto& [tag, value] : entries) {
      if (tag != DT_VERNEED && tag != DT_VERDEF) continue;
      const auto place = place_of(value, segments);
      if (!place) return refused(name_ + ": damaged ELF file: its symbol versions lie outside of it");
      const Elf_Type type = tag == DT_VERNEED ? ELF_T_VNEED : ELF_T_VDEF;
      Elf_Data* records = elf_getdata_rawchunk(elf_, static_cast<int64_t>(place->offset), place->bytes, type);
      if (!records || !records->d_buf) return damaged("symbol versions");
      CG_CHECK(tag == DT_VERNEED ? read_version_needs(records) : read_version_definitions(records));
    }
    return {};
  }

  struct FilePlace {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;  // to the end of what the file has of the segment
  };
  static std::optional<FilePlace> place_of(GElf_Addr address, const std::vector<GElf_Phdr>& segments) {
    for (const auto& segment : segments) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      const std::uint64_t skip = address - segment.p_vaddr;
      if (skip < segment.p_filesz) return FilePlace{segment.p_offset + skip, segment.p_filesz - skip};
    }
    return std::nullopt;
  }

  Result<std::string> text_at(GElf_Xword offset) const {
    const std::size_t end = offset < names_.size() ? names_.find('\0', offset) : std::string_view::npos;
    if (end == std::string_view::npos)
      return refused(name_ + ": damaged ELF file: a name lies outside the string table");
    return std::string(names_.substr(offset, end - offset));
  }

  // Two lists of records in one another, linked by offsets from each record's own start (LSB Core, "Symbol
  // Versioning"). A list that never ends, or shares its tail ever again, is cut off at most_versions.
  Result<void> read_version_needs(Elf_Data* records) {
    for (std::size_t at = 0;;) {
      GElf_Verneed need;
      if (!gelf_getverneed(records, static_cast<int>(at), &need)) return damaged("needed versions");
      CG_TRY(library, text_at(need.vn_file));
      std::size_t aux_at = at + need.vn_aux;
      for (unsigned i = 0; i < need.vn_cnt; ++i) {
        GElf_Vernaux aux;
        if (aux_at >= records->d_size || !gelf_getvernaux(records, static_cast<int>(aux_at), &aux) ||
            file_.version_needs.size() == most_versions)
          return damaged("needed versions");
        CG_TRY(version, text_at(aux.vna_name));
        file_.version_needs.push_back({library, std::move(version), (aux.vna_flags & VER_FLG_WEAK) != 0});
        if (aux.vna_next == 0) break;
        aux_at += aux.vna_next;
      }
      if (need.vn_next == 0) return {};
      at += need.vn_next;
      if (at >= records->d_size) return damaged("needed versions");
    }
  }

  Result<void> read_version_definitions(Elf_Data* records) {
    for (std::size_t at = 0, seen = 0;; ++seen) {
      GElf_Verdef definition;
      if (seen == most_versions || !gelf_getverdef(records, static_cast<int>(at), &definition))
        return damaged("defined versions");
      // The first name is the version; those that follow are the ones it goes on from.
      GElf_Verdaux aux;
      const std::size_t aux_at = at + definition.vd_aux;
      if (definition.vd_cnt > 0 && (definition.vd_flags & VER_FLG_BASE) == 0) {
        if (aux_at >= records->d_size || !gelf_getverdaux(records, static_cast<int>(aux_at), &aux))
          return damaged("defined versions");
        CG_TRY(version, text_at(aux.vda_name));
        file_.version_definitions.push_back(std::move(version));
      }
      if (definition.vd_next == 0) return {};
      at += definition.vd_next;
      if (at >= records->d_size) return damaged("defined versions");
    }
  }

  Result<void> read_sections() {
    std::size_t names = 0;
    if (elf_getshdrstrndx(elf_, &names) != 0)
      return {};  // no section table: stripped to the bone, still runs
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_, section)) != nullptr;) {
      GElf_Shdr header;
      if (!gelf_getshdr(section, &header)) return damaged("section headers");
      if (header.sh_type == SHT_SYMTAB) file_.has_symbols = true;
      const char* name = elf_strptr(elf_, names, header.sh_name);
      if (name && (std::string_view(name) == ".debug_info" || std::string_view(name) == ".zdebug_info"))
        file_.has_debug = true;
    }
    return {};
  }

  Elf* elf_;
  std::string name_;
  std::string_view names_;  // the dynamic string table
  ElfFile file_;
  bool pie_flag_ = false;
};

}  // namespace

bool has_elf_magic(std::string_view bytes) {
  return bytes.starts_with(std::string_view(ELFMAG, SELFMAG));
}

Result<ElfFile> read_elf(std::string_view bytes, const std::string& name) {
  if (elf_version(EV_CURRENT) == EV_NONE) return cannot("libelf is too old");
  // libelf only writes into the memory when it was opened for that.
  const std::unique_ptr<Elf, ElfEnd> elf(elf_memory(const_cast<char*>(bytes.data()), bytes.size()));
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return refused(name + ": not an ELF file");
  return Reader(elf.get(), name).read();
}

Result<ElfFile> read_elf(const std::filesystem::path& path) {
  if (elf_version(EV_CURRENT) == EV_NONE) return cannot("libelf is too old");
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot_errno(path.string(), errno);
  const std::unique_ptr<Elf, ElfEnd> elf(elf_begin(fd.get(), ELF_C_READ, nullptr));
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF) return refused(path.string() + ": not an ELF file");
  return Reader(elf.get(), path.string()).read();
}

}  // namespace cg
