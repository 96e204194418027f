#include "hostile/random/bombs.h"

#include <fmt/format.h>

#include <cstring>
#include <span>

#include "base/limits.h"
#include "compress/encoder.h"
#include "hostile/raw_tar.h"
#include "image/support/cpio_bytes.h"

namespace cg::hostile {
namespace {

std::string long_header(const std::string& name, std::uint64_t size, char type,
                        const std::string& target = {}) {
  std::string records;
  if (name.size() > 100) records += pax_record("path", name);
  if (!target.empty()) records += pax_record("linkpath", target);
  std::string bytes;
  if (!records.empty()) bytes = header("pax", records.size(), 'x') + padded(records);
  return bytes + header(name.substr(0, 100), size, type);
}
std::string file(const std::string& name, const std::string& bytes = {}) {
  return long_header(name, bytes.size(), '0') + padded(bytes);
}
std::string link(const std::string& name, const std::string& target) {
  return long_header(name, 0, '2', target);
}
Input tar(const char* limit, std::string bytes) {
  return {Kind::source, fmt::format("a bomb for {}", limit), std::move(bytes) + std::string(1024, '\0'), {}};
}
std::string times(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}
// `count` pieces, compressed without ever being in memory together.
std::string squeezed(std::string_view piece, std::size_t count, Codec codec = Codec::zstd) {
  std::string out;
  const auto sink = [&](std::span<const std::byte> bytes) -> Result<void> {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  };
  auto encoder = Encoder::make(codec);
  if (!encoder) return out;
  for (std::size_t i = 0; i < count; ++i) (void)(*encoder)->put(std::as_bytes(std::span(piece)), sink);
  (void)(*encoder)->finish(sink);
  return out;
}
Input initrd(const char* limit, std::string bytes) {
  return {Kind::image, fmt::format("a bomb for {}", limit), std::move(bytes), {}};
}

Input links() {
  std::string all = link("l0", ".");
  for (int i = 1; i < 60; ++i) all += link(fmt::format("l{}", i), times(fmt::format("l{}/", i - 1), 8));
  return tar("links", all + file("l59/x"));
}
Input link_bytes() {
  std::string all;
  for (int i = 0; i < 39; ++i)
    all += link(fmt::format("l{}", i), times("./", 2000) + (i == 0 ? "." : fmt::format("l{}", i - 1)));
  return tar("link_bytes", all + file("l38/x"));
}
Input depth(const char* limit, std::size_t components) {
  return tar(limit, file(times("d/", components) + "x"));
}
Input sparse() {
  std::string records = pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
                        pax_record("GNU.sparse.name", "sparse") +
                        pax_record("GNU.sparse.realsize", std::to_string(limits::file_bytes + 1));
  const std::string body = padded("1\n0\n512\n") + std::string(512, 'a');
  return tar("file_bytes", header("pax", records.size(), 'x') + padded(records) + file("sparse", body));
}
Input many_names() {
  std::string all = file("f", "x");
  std::string head = header("n00000", 0, '1');
  for (std::uint32_t i = 0; i <= limits::names_of_file; ++i) {
    std::string one = header(fmt::format("n{}", i), 0, '1');
    one[157] = 'f';
    one.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char byte : one) sum += static_cast<unsigned char>(byte);
    one.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    all += one;
  }
  return tar("names_of_file", all);
}
Input archive() {
  return {Kind::source, "a bomb for archive_bytes", squeezed(std::string(1 << 20, '\0'), 1100), {}};
}
Input archive_of_one_file() {
  std::string begin = header("zeros", limits::archive_bytes + (1 << 20));
  begin.resize(1 << 20);
  std::string bytes = squeezed(begin, 1) + squeezed(std::string(1 << 20, '\0'), 1030);
  return {Kind::source, "a bomb for archive_ratio", std::move(bytes), {}};
}
Input accounts() {
  std::string passwd = times("someone:x:1:1::/:/bin/sh\n", limits::accounts_bytes / 20);
  const std::string records =
      pax_record("SCHILY.acl.access", "user::rw-,user:nobody:r--,group::r--,mask::r--,other::---");
  return tar("accounts_bytes", header("pax", records.size(), 'x') + padded(records) + file("f", "x") +
                                   file("etc/passwd", passwd));
}
Input loader(const char* limit, std::size_t files, const std::string& each) {
  std::string all = file("etc/ld.so.conf", "include /etc/d/*.conf\n");
  for (std::size_t i = 0; i < files; ++i) all += file(fmt::format("etc/d/{}.conf", i), each);
  std::string elf(64, '\0');
  return tar(limit, all);
}
Input index_depth() {
  Input input{Kind::source, "a bomb for oci_index_depth", {}, {}};
  input.files["oci-layout"] = "{}";
  input.files["index.json"] = times("{\"manifests\":[", 50'000);
  return input;
}
Input document() {
  Input input{Kind::source, "a bomb for oci_document_bytes", {}, {}};
  input.files["oci-layout"] = "{}";
  input.files["index.json"] = std::string(limits::oci_document_bytes + 1, ' ') + "{}";
  return input;
}
Input members() {
  std::string all;
  for (std::size_t i = 0; i <= limits::image_members + 10; ++i)
    all += file(fmt::format("blobs/sha256/{:064x}", i));
  return tar("image_members", all + file("manifest.json", "[]"));
}
Input initrd_zeros(Codec codec) {
  return initrd("initrd_ratio", squeezed(std::string(1 << 20, '\0'), 400, codec));
}
Input initrd_entries() {
  const std::string entry = cpio_entry("e", cpio_file, "");
  return initrd("entries", squeezed(times(entry, 8192), limits::entries / 8192 + 10));
}
Input initrd_links() {
  std::string all = cpio_entry("l0", cpio_link, ".");
  for (int i = 1; i < 60; ++i)
    all += cpio_entry(fmt::format("l{}", i), cpio_link, times(fmt::format("l{}/", i - 1), 8));
  return initrd("links", all + cpio_entry("l59/x", cpio_file, "x") + cpio_end());
}
Input initrd_name() {
  return initrd("name_bytes", cpio_entry(times("d/", 2000) + "x", cpio_file, "x") +
                                  cpio_entry(std::string(300, 'n'), cpio_file, "x") + cpio_end());
}

}  // namespace

const std::vector<Bomb>& bomb_makers() {
  static const std::vector<Bomb> all = {
      {"links", links},
      {"link_bytes", link_bytes},
      {"name_bytes", [] { return tar("name_bytes", file(std::string(256, 'n'))); }},
      {"target_bytes", [] { return tar("target_bytes", link("l", std::string(4096, 't'))); }},
      {"depth", [] { return depth("depth", 400'000); }},
      {"depth of names that hold", [] { return depth("depth", 20'000); }},
      {"names_of_file", many_names},
      {"file_bytes", sparse},
      {"archive_bytes", archive},
      {"archive_ratio", archive_of_one_file},
      {"initrd_ratio", [] { return initrd_zeros(Codec::zstd); }},
      {"initrd_least_bytes", [] { return initrd_zeros(Codec::gzip); }},
      {"entries", initrd_entries},
      {"links of an initrd", initrd_links},
      {"names of an initrd", initrd_name},
      {"accounts_bytes", accounts},
      {"loader_file_bytes", [] { return loader("loader_file_bytes", 1, times("/a\n", 30'000)); }},
      {"loader_files", [] { return loader("loader_files", 1100, "include /etc/d/*.conf\n"); }},
      {"loader_directories",
       [] { return loader("loader_directories", 12, times("/lib/x/y\n/lib/a\n", 1000)); }},
      {"oci_index_depth", index_depth},
      {"oci_document_bytes", document},
      {"image_members", members},
  };
  return all;
}

}  // namespace cg::hostile
