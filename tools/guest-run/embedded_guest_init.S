/* The static program that guest-run puts into every guest, as bytes of guest-run itself. */
    .section .rodata
    .global cg_guest_init_begin
    .global cg_guest_init_end
    .balign 16
cg_guest_init_begin:
    .incbin "guest-init"
cg_guest_init_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
