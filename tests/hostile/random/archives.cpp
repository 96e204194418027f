// Tars, layers of container images, and what a loader reads.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "hostile/random/input.h"
#include "hostile/raw_tar.h"

namespace cg::hostile {
namespace {

using Json = nlohmann::json;

std::string name_of(Dice& dice) {
  static const std::vector<std::string> parts = {
      "a",          "b",     "c",          "d",    "..",  ".",        "",         ".wh.a",  ".wh..wh..opq",
      ".wh.",       ".wh..", ".wh..wh.x",  "\xff", "\n",  "\x1b[2J",  "etc",      "passwd", "dev",
      "lost+found", "...",   "ld.so.conf", "lib",  "usr", "\xc3\xa9", "e\xcc\x81"};
  std::string name = dice.one_in(6) ? "/" : "";
  const auto depth = 1 + dice.below(4);
  for (std::uint64_t i = 0; i < depth; ++i) {
    if (i > 0) name += '/';
    name += dice.one_in(20) ? std::string(dice.below(300), 'x') : dice.of(parts);
  }
  if (dice.one_in(10)) name += '/';
  return name;
}

std::string records_of(Dice& dice) {
  static const std::vector<std::string> keys = {"path",
                                                "linkpath",
                                                "size",
                                                "uid",
                                                "gid",
                                                "mtime",
                                                "uname",
                                                "hdrcharset",
                                                "GNU.sparse.major",
                                                "GNU.sparse.minor",
                                                "GNU.sparse.name",
                                                "GNU.sparse.realsize",
                                                "GNU.sparse.map",
                                                "GNU.sparse.size",
                                                "GNU.sparse.numblocks",
                                                "SCHILY.xattr.user.a",
                                                "SCHILY.xattr.security.capability",
                                                "SCHILY.xattr.system.posix_acl_access",
                                                "SCHILY.acl.access",
                                                "SCHILY.acl.default",
                                                "LIBARCHIVE.xattr.user.b",
                                                "SCHILY.devmajor",
                                                "SCHILY.nlink",
                                                "SCHILY.realsize",
                                                "SCHILY.xattr.com.apple.x",
                                                "RHT.security.selinux"};
  std::string records;
  const auto count = 1 + dice.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string value;
    switch (dice.below(6)) {
      case 0:
        value = std::to_string(dice.number());
        break;
      case 1:
        value = "-" + std::to_string(dice.number());
        break;
      case 2:
        value = name_of(dice);
        break;
      case 3:
        value = std::string(dice.below(9000), 'v');
        break;
      case 4:
        value = "user::rwx,user:nobody:r--,group::r-x,mask::rwx,other::---";
        break;
      default:
        value = fmt::format("{}.{},{},{},{}", dice.below(3), dice.number(), dice.number(), dice.below(9000),
                            dice.number());
    }
    records += pax_record(dice.of(keys), value);
  }
  if (dice.one_in(8)) records = std::to_string(dice.number()) + records;
  return records;
}

}  // namespace

std::string random_tar(Dice& dice, unsigned entries) {
  static const std::string types = "0000000555555222211134678xgLKSDVMNZ";
  std::string tar;
  for (unsigned i = 0; i < entries; ++i) {
    if (dice.one_in(4)) {
      const std::string records = records_of(dice);
      tar += header("pax", records.size(), dice.one_in(8) ? 'g' : 'x') + padded(records);
    }
    const char type = types[dice.below(types.size())];
    const bool data = type == '0' || type == 'x' || type == 'g' || type == 'L' || type == 'K' || type == 'S';
    std::string body(data ? dice.below(dice.one_in(10) ? 200'000 : 3000) : 0, '\0');
    if (dice.one_in(2)) body.assign(body.size(), 'b');
    const std::string name = name_of(dice).substr(0, 100);
    std::string head = header(name, dice.one_in(25) ? dice.number() : body.size(), type);
    if (type == '1' || type == '2') {
      const std::string target = name_of(dice).substr(0, 100);
      head.replace(157, target.size(), target);
    }
    if (dice.one_in(12)) head[dice.below(512)] = static_cast<char>(dice.below(256));
    // Mostly with a sum that fits, so that it is read.
    if (!dice.one_in(15)) {
      head.replace(148, 8, 8, ' ');
      unsigned sum = 0;
      for (const char byte : head) sum += static_cast<unsigned char>(byte);
      head.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    }
    tar += head + padded(body);
  }
  if (!dice.one_in(5)) tar += std::string(1024, '\0');
  if (dice.one_in(8)) tar.resize(dice.below(tar.size() + 1));
  return tar;
}

Input tar_input(Dice& dice) {
  const auto entries = static_cast<unsigned>(1 + dice.below(30));
  return {Kind::source, "a tar", packed(random_tar(dice, entries), dice), {}};
}

Input layout_input(Dice& dice) {
  Input input{Kind::source, "a layout", {}, {}};
  auto& files = input.files;
  const auto put = [&](std::string bytes) {
    const std::string digest = sha256_hex(bytes);
    if (dice.one_in(25)) bytes += "x";
    files["blobs/sha256/" + digest] = std::move(bytes);
    Json descriptor;
    descriptor["digest"] = "sha256:" + digest;
    descriptor["size"] = dice.number();
    if (dice.one_in(20)) descriptor["digest"] = "sha256:../../" + digest;
    return descriptor;
  };
  Json manifest;
  Json saved;
  std::vector<Json> layers;
  std::string tar;
  const auto member = [&](const std::string& name, const std::string& bytes) {
    tar += header(name, bytes.size()) + padded(bytes);
  };
  const auto count = 1 + dice.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string layer = packed(random_tar(dice, static_cast<unsigned>(1 + dice.below(12))), dice);
    layers.push_back(put(layer));
    const std::string name = fmt::format("{:064x}/layer.tar", i);
    member(name, layer);
    saved["Layers"].push_back(dice.one_in(20) ? "../" + name : name);
  }
  for (const auto& layer : layers) manifest["layers"].push_back(layer);
  while (dice.one_in(3)) manifest["layers"].push_back(dice.of(layers));
  Json index;
  index["manifests"].push_back(put(manifest.dump()));
  while (dice.one_in(4)) {
    Json outer;
    outer["manifests"].push_back(put(index.dump()));
    index = outer;
  }
  std::string text = index.dump();
  Json list = Json::array();
  list.push_back(saved);
  std::string manifest_text = list.dump();
  for (std::string* document : {&text, &manifest_text}) {
    if (dice.one_in(5)) (*document)[dice.below(document->size())] = static_cast<char>(dice.below(256));
    if (dice.one_in(15)) document->resize(dice.below(document->size()));
    if (dice.one_in(15)) *document = std::string(100'000, '[');
  }
  files["index.json"] = text;
  files["oci-layout"] = "{}";
  if (dice.one_in(3)) {  // as docker saves it
    member("manifest.json", manifest_text);
    input = {Kind::source, "an archive of docker", packed(tar + std::string(1024, '\0'), dice), {}};
  } else if (dice.one_in(2)) {
    tar.clear();
    for (const auto& [name, bytes] : files) member(name, bytes);
    input = {Kind::source, "an archive of a layout", packed(tar + std::string(1024, '\0'), dice), {}};
  }
  return input;
}

// A root with a program and the files that say where its libraries are.
Input loader_input(Dice& dice) {
  Input input{Kind::source, "a root with /etc/ld.so.conf", {}, {}};
  static const std::vector<std::string> lines = {
      "include /etc/ld.so.conf.d/*.conf",
      "include ld.so.conf",
      "include *",
      "include /*/*/*/*",
      "/lib",
      "/usr/lib/../lib",
      "include /etc/ld.so.conf.d/[a-",
      "# comment",
      "include",
      "hwcap 1 x",
      "/proc/self/root",
      "relative",
      "include ../../etc/ld.so.conf",
      "include /etc/l/l/l/l/l/ld.so.conf",
      "\t include  /etc/ld.so.conf.d/a.conf /etc/ld.so.conf.d/b.conf"};
  const auto text = [&] {
    std::string all;
    const auto count = dice.below(40);
    for (std::uint64_t i = 0; i < count; ++i)
      all += (dice.one_in(15) ? std::string(dice.below(5000), dice.one_in(2) ? '*' : '/') : dice.of(lines)) +
             "\n";
    return all;
  };
  std::string tar;
  const auto member = [&](const std::string& name, const std::string& bytes) {
    tar += header(name, bytes.size()) + padded(bytes);
  };
  const auto link = [&](const std::string& name, const std::string& target) {
    std::string head = header(name, 0, '2');
    head.replace(157, target.size(), target);
    head.replace(148, 8, 8, ' ');
    unsigned sum = 0;
    for (const char byte : head) sum += static_cast<unsigned char>(byte);
    head.replace(148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    tar += head;
  };
  member("etc/ld.so.conf", text());
  const auto files = dice.below(30);
  for (std::uint64_t i = 0; i < files; ++i) member(fmt::format("etc/ld.so.conf.d/{}.conf", i), text());
  link("etc/l", dice.one_in(2) ? "." : "l");
  link("lib", dice.one_in(2) ? "usr/lib" : "lib");
  // ELF: a header, one PT_INTERP and one PT_DYNAMIC, with numbers of any kind.
  std::string elf(4096, '\0');
  elf.replace(0, 20,
              std::string("\x7f"
                          "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0",
                          20));
  const auto put = [&](std::size_t at, std::size_t bytes, std::uint64_t value) {
    if (dice.one_in(12)) value = dice.number();
    for (std::size_t i = 0; i < bytes; ++i) elf[at + i] = static_cast<char>(value >> (8 * i));
  };
  put(20, 4, 1);
  put(32, 8, 64);
  put(52, 2, 64);
  put(54, 2, 56);
  put(56, 2, 3);
  const std::uint64_t segments[3][3] = {{3, 0x400, 28}, {2, 0x600, 0x100}, {1, 0, 4096}};
  for (std::size_t i = 0; i < 3; ++i) {
    put(64 + 56 * i, 4, segments[i][0]);
    put(64 + 56 * i + 8, 8, segments[i][1]);
    put(64 + 56 * i + 16, 8, segments[i][1]);
    put(64 + 56 * i + 32, 8, segments[i][2]);
    put(64 + 56 * i + 40, 8, segments[i][2]);
  }
  elf.replace(0x400, 28, std::string("/lib64/ld-linux-x86-64.so.2\0", 28));
  const std::uint64_t dynamic[5][2] = {{1, 1}, {5, 0x800}, {10, 64}, {29, 10}, {0, 0}};
  for (std::size_t i = 0; i < 5; ++i) {
    put(0x600 + 16 * i, 8, dynamic[i][0]);
    put(0x600 + 16 * i + 8, 8, dynamic[i][1]);
  }
  elf.replace(0x801, 8, "libx.so\0");
  elf.replace(0x80a, 12, "$ORIGIN/../x");
  member("usr/bin/program", elf);
  member("usr/lib/libx.so", elf);
  input.bytes = tar + std::string(1024, '\0');
  return input;
}

}  // namespace cg::hostile
