// Tars, member by member: sizes, links, depth, attributes, maps of holes, names and numbers that make no
// sense.
#include <cstdio>
#include <vector>

#include "hostile/raw_tar.h"
#include "image/support/image_case.h"
#include "inputs.h"

namespace cg::random_input {
namespace fs = std::filesystem;
namespace {

struct Member {
  std::string name;
  char type = '0';
  std::string link = {};
  std::string data = {};
  std::string pax = {};                // records before it
  std::uint64_t claimed = UINT64_MAX;  // a size that is not the data's
};

void put_sum(std::string& block) {
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  char field[9];
  std::snprintf(field, sizeof field, "%06o", sum);
  block.replace(148, 8, std::string(field, 6) + std::string("\0 ", 2));
}

std::string bytes_of_member(Lot& lot, const Member& member) {
  std::string records = member.pax;
  std::string name = member.name;
  if (name.size() > 99) {
    records += pax_record("path", name);
    name.resize(99);
  }
  std::string link = member.link;
  if (link.size() > 99) {
    records += pax_record("linkpath", link);
    link.resize(99);
  }
  std::string all;
  if (!records.empty()) all = header("PaxHeaders/x", records.size(), 'x') + padded(records);
  std::string block =
      header(name, member.claimed == UINT64_MAX ? member.data.size() : member.claimed, member.type);
  block.replace(157, link.size(), link);
  if (lot.one_in(20)) {  // a field of the header is no number, or a negative one
    const std::size_t at = lot.of({100, 108, 116, 124, 136, 329, 337});
    std::string field =
        lot.of({std::string("\xff\xff\xff\xff\xff\xff\xff\xff", 8), std::string("77777777", 8),
                std::string("-1      ", 8), std::string("\x80\0\0\0\xff\xff\xff\xff", 8), lot.bytes(8)});
    block.replace(at, 8, field);
  }
  put_sum(block);
  if (lot.one_in(40)) block[148] = '9';
  return all + block + padded(member.data);
}

std::string odd_path(Lot& lot) {
  switch (lot.below(18)) {
    case 0:
      return "../" + repeated("../", lot.below(5)) + "etc/passwd";
    case 1:
      return "/" + repeated("/", lot.below(5)) + "etc/x";
    case 2:
      return repeated("d/", 1 + lot.below(20'000)) + "f";
    case 3:
      return std::string(250 + lot.below(10), 'n');
    case 4:
      return "";
    case 5:
      return lot.of({".", "..", "./", "/", "a/.", "a/..", "./.", "//"});
    case 6:
      return lot.of({".wh.", ".wh..", ".wh..wh..opq", ".wh.a", "a/.wh..wh..opq", ".wh.a/b", ".wh..wh.plnk"});
    case 7:
      return lot.bytes(1 + lot.below(30));
    case 8:
      return "l" + std::to_string(lot.below(40)) + "/below";
    case 9:
      return "lost+found";
    case 10:
      return "etc/" + std::string(lot.of({"passwd", "group", "ld.so.conf"}));
    default:
      return std::string(1, static_cast<char>('a' + lot.below(6))) + (lot.one_in(2) ? "/x" : "");
  }
}

std::string odd_record(Lot& lot) {
  const std::string key = lot.of(
      {"size", "uid", "gid", "mtime", "path", "linkpath", "uname", "GNU.sparse.size", "GNU.sparse.realsize",
       "GNU.sparse.map", "GNU.sparse.numblocks", "GNU.sparse.major", "GNU.sparse.name", "SCHILY.dev",
       "SCHILY.nlink", "SCHILY.realsize", "hdrcharset", "LIBARCHIVE.creationtime", "SCHILY.fflags"});
  const std::string value =
      lot.of({std::to_string(lot.odd_number()), "-" + std::to_string(lot.odd_number()), std::string("1e400"),
              std::string("nan"), std::string(), std::string("0.") + std::string(500, '9'), lot.bytes(9),
              std::string("0,512,") + std::to_string(lot.odd_number()) + ",512", std::string("BINARY"),
              std::string("a\0b", 3), std::string("1")});
  std::string record = pax_record(key, value);
  if (lot.one_in(6)) record.replace(0, 2, lot.of({"99", "00", "-1", "1 ", "  "}));
  return record;
}

std::string attribute_record(Lot& lot) {
  const std::string value =
      lot.of({std::string("v"), std::string(70'000, 'v'), lot.bytes(40), std::string()});
  switch (lot.below(5)) {
    case 0:
      return pax_record(
          "SCHILY.acl.access",
          lot.of({std::string("user::rwx,user:nobody-here:r--,group::r--,mask::r--,other::r--"),
                  std::string("user::rwx,group::r--,other::r--,user:root:rwx:0"), std::string(",,,:::"),
                  std::string("u:") + std::string(60'000, ':'),
                  repeated("user:root:rwx,", 3000) + "user::rwx,group::r-x,other::r-x,mask::rwx"}));
    case 1:
      return pax_record(
          "SCHILY.xattr." + lot.of({std::string("user.a"), std::string("evil"), std::string("user."),
                                    std::string(300, 'n'), std::string("security.capability")}),
          value);
    case 2:
      return pax_record("LIBARCHIVE.xattr.user.%zz%00", lot.of({"!!!", "dmFsdWU=", ""}));
    case 3: {
      std::string all;
      const std::uint64_t count = lot.below(3000);
      for (std::uint64_t i = 0; i < count; ++i)
        all += pax_record("SCHILY.xattr.user." + std::to_string(i), "v");
      return all;
    }
    default:
      return pax_record("RHT.security.selinux", value);
  }
}

// Many members of one idea.
void add_crowd(Lot& lot, std::vector<Member>& members) {
  const std::uint64_t many = 1 + lot.below(lot.of({50, 3000}));
  switch (lot.below(8)) {
    case 0:  // links that name links
      for (std::uint64_t i = 0; i < 40; ++i)
        members.push_back({"l" + std::to_string(i), '2',
                           i == 0 ? "." : repeated("l" + std::to_string(i - 1) + "/", 1 + lot.below(9))});
      members.push_back({"l39/" + std::string("f")});
      break;
    case 1:  // names of one file
      members.push_back({"first", '0', {}, "x"});
      for (std::uint64_t i = 0; i < many * 22; ++i)
        members.push_back({"h" + std::to_string(i), '1', "first"});
      break;
    case 2:  // one name again and again, of every kind
      for (std::uint64_t i = 0; i < many; ++i)
        members.push_back({"same", lot.of({'0', '1', '2', '5', '6'}), lot.of({"same", "a", "b/x", "."}), {}});
      break;
    case 3:  // a full directory, each name as long as names are
      for (std::uint64_t i = 0; i < many; ++i) {
        const std::string number = std::to_string(i);
        members.push_back({"full/" + std::string(255 - number.size(), 'n') + number});
      }
      break;
    case 4:  // deep, and again from the middle
      members.push_back({repeated("e/", 40'000) + "end", '5'});
      for (int i = 0; i < 5; ++i)
        members.push_back({repeated("e/", 20'000) + std::to_string(i), '0', {}, "x"});
      break;
    case 5:  // whiteouts of what is there and what is not
      for (std::uint64_t i = 0; i < many; ++i)
        members.push_back({(i % 2 ? "full/.wh." : ".wh.") + std::to_string(i)});
      break;
    case 6:  // hard links in a ring
      members.push_back({"r0", '1', "r2"});
      members.push_back({"r1", '1', "r0"});
      members.push_back({"r2", '1', "r1"});
      break;
    default:  // ".." through links
      members.push_back({"a/b/c", '5'});
      for (std::uint64_t i = 0; i < 30; ++i)
        members.push_back({"a/b/c/u" + std::to_string(i), '2', repeated("../", i) + "a/b/c"});
      members.push_back({"a/b/c/" + repeated("u7/", 38) + "x"});
  }
}

Member odd_member(Lot& lot) {
  Member member{odd_path(lot), lot.of({'0', '0', '0', '1', '2', '3', '4', '5', '6', '7', 'L', 'K', 'S', 'D',
                                       'V', 'g', 'Z', '\0'})};
  if (lot.one_in(2)) member.link = odd_path(lot);
  if (lot.one_in(2)) member.data = lot.bytes(lot.below(lot.of({10, 600, 9000})));
  if (lot.one_in(8)) member.data = std::string(lot.below(2 << 20), '\0');
  if (lot.one_in(6)) member.claimed = lot.odd_number();
  while (lot.one_in(3)) member.pax += odd_record(lot);
  if (lot.one_in(5)) member.pax += attribute_record(lot);
  return member;
}

// GNU's map of holes at the start of the data.
Member sparse_member(Lot& lot) {
  std::string map;
  const std::uint64_t count = lot.below(200);
  map = std::to_string(lot.one_in(5) ? lot.odd_number() : count) + "\n";
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    at = lot.one_in(30) ? lot.odd_number() : at + lot.below(1ULL << lot.below(40));
    map += std::to_string(at) + "\n" + std::to_string(lot.one_in(30) ? lot.odd_number() : 512) + "\n";
    at += 512;
  }
  Member member{"GNUSparseFile/s"};
  member.pax = pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.minor", "0") +
               pax_record("GNU.sparse.name", "sparse") +
               pax_record("GNU.sparse.realsize", std::to_string(lot.one_in(3) ? lot.odd_number() : at));
  member.data = padded(map) + std::string(512 * count, 's');
  return member;
}

}  // namespace

std::string random_tar_bytes(Lot& lot) {
  std::vector<Member> members = {
      {"etc/passwd", '0', {}, "root:x:0:0::/:/bin/sh\n"}, {"a", '5'}, {"b/x", '0', {}, "b"}};
  const std::uint64_t twists = 1 + lot.below(5);
  for (std::uint64_t i = 0; i < twists; ++i) {
    switch (lot.below(4)) {
      case 0:
        add_crowd(lot, members);
        break;
      case 1:
        members.push_back(sparse_member(lot));
        break;
      default:
        members.push_back(odd_member(lot));
    }
  }
  if (lot.one_in(3)) members.push_back(members[lot.below(members.size())]);
  std::string bytes;
  for (const Member& member : members) bytes += bytes_of_member(lot, member);
  if (!lot.one_in(8)) bytes += std::string(1024, '\0');
  if (lot.one_in(10)) bytes.resize(lot.below(bytes.size()));
  if (lot.one_in(10)) scramble(lot, bytes, 1 + lot.below(20));
  return bytes;
}

Input random_tar(Lot& lot, const fs::path& into) {
  std::string bytes = random_tar_bytes(lot);
  // Packed, twice, in pieces, with something behind it, and with zeros without end.
  while (lot.one_in(3)) {
    const std::string filter = lot.of({"gzip", "zstd", "xz", "bzip2", "lz4"});
    if (lot.one_in(6)) bytes += std::string(lot.below(40) << 20, '\0');
    bytes = packed(bytes, filter);
    if (lot.one_in(5)) bytes += lot.of({lot.bytes(100), packed("behind", filter), std::string(5000, '\0')});
    if (lot.one_in(8)) bytes.resize(lot.below(bytes.size()));
    if (lot.one_in(8)) scramble(lot, bytes, 1 + lot.below(4));
  }
  const fs::path file = into / "input.tar";
  write(file, bytes);
  return {file, Use::from};
}

}  // namespace cg::random_input
