//! Products of tiles in AMX registers. The compiler has no stable functions for them, hence assembly.

use std::arch::asm;

use super::super::tile::{HEIGHT, Parts, SIDE, Tile};

/// Whether the processor has AMX with bfloat16 and the system lets this process use it, for which it has to be asked once.
pub(in super::super) fn permitted() -> bool {
    #[cfg(target_os = "linux")]
    {
        const BF16: u32 = 1 << 22;
        const TILES: u32 = 1 << 24;
        /// `ARCH_REQ_XCOMP_PERM` of `arch_prctl(2)`, and the number of the tiles' state.
        const ASK: libc::c_int = 0x1023;
        const TILE_DATA: libc::c_ulong = 18;
        let features = std::arch::x86_64::__cpuid_count(7, 0).edx;
        #[expect(unsafe_code, reason = "a call of the system that takes numbers")]
        // SAFETY: the call reads no memory of this process and only widens what its threads may save.
        let granted = || unsafe { libc::syscall(libc::SYS_arch_prctl, ASK, TILE_DATA) } == 0;
        features & (BF16 | TILES) == BF16 | TILES && granted()
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// The shape of the eight tile registers, as the processor reads it.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// The registers of this thread have the shape of tiles for as long as this lives.
pub(in super::super) struct Configured(());

impl Configured {
    pub(in super::super) fn new() -> Self {
        let mut shapes = Shapes { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        shapes.row_bytes[..8].fill(size_of::<[u16; 32]>() as u16);
        shapes.rows[..8].fill(HEIGHT as u8);
        #[expect(unsafe_code, reason = "an instruction without a function")]
        // SAFETY: reads the 64 bytes of `shapes`; only called where AMX is permitted, see `TileLevel::prepared`.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const shapes, options(nostack, readonly, preserves_flags));
        }
        Self(())
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "an instruction without a function")]
        // SAFETY: the registers hold nothing that is still needed.
        unsafe {
            asm!("tilerelease", options(nostack, nomem, preserves_flags));
        }
    }
}

/// Computes a square of results.
///
/// # Safety
/// AMX is permitted and [`Configured`]; both bands of rows have as many tiles, and the weights twice as many, for whole steps;
/// `out` has 32 rows of 32 numbers, `stride` apart.
#[expect(unsafe_code, reason = "instructions without functions")]
pub(in super::super) unsafe fn square(
    rows: [&[Tile]; 2],
    weights: &[Tile],
    parts: Parts,
    out: &mut [f32],
    stride: usize,
) {
    let steps = rows[0].len() / parts.count();
    if steps == 0 {
        out.chunks_mut(stride).for_each(|row| row[..SIDE].fill(0.0));
        return;
    }
    let [upper, lower] = rows.map(<[Tile]>::as_ptr);
    let [upper_out, lower_out] = [&raw mut out[0], &raw mut out[HEIGHT * stride]];
    match parts {
        // SAFETY: each step reads a tile of both bands and two of the weights, of which there are as many as steps, and writes
        // 32 rows of 32 numbers to `out`, which reaches so far.
        Parts::One => unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "tileloadd tmm4, [{upper} + {row}]",
                "tileloadd tmm6, [{weights} + {row}]",
                "tileloadd tmm7, [{weights} + {row} + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{lower} + {row}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {upper}, 1024",
                "add {lower}, 1024",
                "add {weights}, 2048",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{upper_out} + {out_row}], tmm0",
                "tilestored [{upper_out} + {out_row} + 64], tmm1",
                "tilestored [{lower_out} + {out_row}], tmm2",
                "tilestored [{lower_out} + {out_row} + 64], tmm3",
                upper = inout(reg) upper => _,
                lower = inout(reg) lower => _,
                weights = inout(reg) weights.as_ptr() => _,
                steps = inout(reg) steps => _,
                row = in(reg) 64usize,
                upper_out = in(reg) upper_out,
                lower_out = in(reg) lower_out,
                out_row = in(reg) stride * size_of::<f32>(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        },
        // SAFETY: as above, with two tiles of each band and four of the weights a step.
        Parts::Two => unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                // What is rounded, times what is left of weights.
                "tileloadd tmm4, [{upper} + {row}]",
                "tileloadd tmm6, [{weights} + {row} + 2048]",
                "tileloadd tmm7, [{weights} + {row} + 3072]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{lower} + {row}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                // Both rounded.
                "tileloadd tmm6, [{weights} + {row}]",
                "tileloadd tmm7, [{weights} + {row} + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                // What is left, times rounded weights.
                "tileloadd tmm4, [{upper} + {row} + 1024]",
                "tileloadd tmm5, [{lower} + {row} + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {upper}, 2048",
                "add {lower}, 2048",
                "add {weights}, 4096",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{upper_out} + {out_row}], tmm0",
                "tilestored [{upper_out} + {out_row} + 64], tmm1",
                "tilestored [{lower_out} + {out_row}], tmm2",
                "tilestored [{lower_out} + {out_row} + 64], tmm3",
                upper = inout(reg) upper => _,
                lower = inout(reg) lower => _,
                weights = inout(reg) weights.as_ptr() => _,
                steps = inout(reg) steps => _,
                row = in(reg) 64usize,
                upper_out = in(reg) upper_out,
                lower_out = in(reg) lower_out,
                out_row = in(reg) stride * size_of::<f32>(),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        },
    }
}
