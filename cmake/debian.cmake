# CPack runs this when all is installed into a directory of its own and nothing is packed yet: what Debian wants otherwise
# than `make install` has it (Debian policy, chapters 9 and 12).
set(usr ${CPACK_TEMPORARY_DIRECTORY}/usr)
set(doc ${usr}/share/doc/${CPACK_PACKAGE_NAME})

# Where zsh looks on Debian.
file(RENAME ${usr}/share/zsh/site-functions ${usr}/share/zsh/vendor-completions)

# The licence is on every Debian already.
file(REMOVE ${doc}/LICENSE)
file(WRITE ${doc}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: criu-guest

Files: *
Copyright: ${CPACK_CG_COPYRIGHT}
License: Apache-2.0
 On Debian systems the whole text is in /usr/share/common-licenses/Apache-2.0.
")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH
file(WRITE ${doc}/changelog "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * Version ${CPACK_PACKAGE_VERSION} of ${CPACK_CG_VERSION_DATE}.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
file(GLOB pages ${usr}/share/man/man1/*.1)
execute_process(COMMAND gzip -9n ${pages} ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)

# What lintian says of it, and why it stays: tags that this list does not have fail `make package`.
file(WRITE ${usr}/share/lintian/overrides/${CPACK_PACKAGE_NAME} "# They run in guests of any distribution, or of none.
${CPACK_PACKAGE_NAME}: statically-linked-binary [usr/bin/kcheck]
${CPACK_PACKAGE_NAME}: statically-linked-binary [usr/bin/guest-checkpoint]
${CPACK_PACKAGE_NAME}: embedded-library bzip2 [usr/bin/kcheck]
${CPACK_PACKAGE_NAME}: embedded-library bzip2 [usr/bin/guest-checkpoint]
${CPACK_PACKAGE_NAME}: embedded-library zlib [usr/bin/kcheck]
${CPACK_PACKAGE_NAME}: embedded-library zlib [usr/bin/guest-checkpoint]
# It is executable in the image that the recipe makes, which says so itself.
${CPACK_PACKAGE_NAME}: script-not-executable [usr/share/criu-guest/recipes/rootfs/demo/boot]
")

# The bytes are those of the inputs, whoever makes the package and when.
execute_process(COMMAND chmod -R u+rwX,go+rX,go-w ${CPACK_TEMPORARY_DIRECTORY} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND find ${CPACK_TEMPORARY_DIRECTORY} -exec touch -h -d @$ENV{SOURCE_DATE_EPOCH} {} +
  COMMAND_ERROR_IS_FATAL ANY)
