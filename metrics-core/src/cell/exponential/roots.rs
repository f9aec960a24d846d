//! The 256th roots of the powers of two.

/// The mantissa, as the 52 bits of an `f64` has it, of two to the power of `index / 256`, rounded down. All but the first
/// are irrational, so a mantissa is above the root itself just where it is above this.
#[rustfmt::skip]
pub(super) const ROOTS: [u64; 256] = [
    0x0_0000_0000_0000, 0x0_0B1A_FA5A_BCBE, 0x0_163D_A9FB_3335, 0x0_2168_143B_0280,
    0x0_2C9A_3E77_8060, 0x0_37D4_2E11_BBCC, 0x0_4315_E86E_7F84, 0x0_4E5F_72F6_54B1,
    0x0_59B0_D315_8574, 0x0_650A_0E3C_1F88, 0x0_706B_29DD_F6DD, 0x0_7BD4_2B72_A836,
    0x0_8745_1875_9BC8, 0x0_92BD_F666_07DF, 0x0_9E3E_CAC6_F383, 0x0_A9C7_9B1F_3919,
    0x0_B558_6CF9_890F, 0x0_C0F1_45E4_6C85, 0x0_CC92_2B72_47F7, 0x0_D83B_2339_5DEB,
    0x0_E3EC_32D3_D1A2, 0x0_EFA5_5FDF_A9C4, 0x0_FB66_AFFE_D31A, 0x1_0730_28D7_233E,
    0x1_1301_D012_5B50, 0x1_1EDB_AB5E_2AB5, 0x1_2ABD_C06C_31CB, 0x1_36A8_14F2_04AA,
    0x1_429A_AEA9_2DDF, 0x1_4E95_934F_312D, 0x1_5A98_C8A5_8E51, 0x1_66A4_5471_C3C2,
    0x1_72B8_3C7D_517A, 0x1_7ED4_8695_BBC0, 0x1_8AF9_388C_8DE9, 0x1_9726_5837_5D2F,
    0x1_A35B_EB6F_CB75, 0x1_AF99_F813_8A1C, 0x1_BBE0_8404_5CD3, 0x1_C82F_9528_1C6B,
    0x1_D487_3168_B9AA, 0x1_E0E7_5EB4_4026, 0x1_ED50_22FC_D91C, 0x1_F9C1_8438_CE4C,
    0x2_063B_8862_8CD6, 0x2_12BE_3578_A819, 0x2_1F49_917D_DC96, 0x2_2BDD_A279_12D1,
    0x2_387A_6E75_6238, 0x2_451F_FB82_140A, 0x2_51CE_4FB2_A63F, 0x2_5E85_711E_CE75,
    0x2_6B45_65E2_7CDD, 0x2_780E_341D_DF29, 0x2_84DF_E1F5_6380, 0x2_91BA_7591_BB6F,
    0x2_9E9D_F51F_DEE1, 0x2_AB8A_66D1_0F12, 0x2_B87F_D0DA_D98F, 0x2_C57E_3977_1B2E,
    0x2_D285_A6E4_030B, 0x2_DF96_1F64_1589, 0x2_ECAF_A93E_2F56, 0x2_F9D2_4ABD_886A,
    0x3_06FE_0A31_B715, 0x3_1432_EDEE_B2FD, 0x3_2170_FC4C_D831, 0x3_2EB8_3BA8_EA31,
    0x3_3C08_B264_16FF, 0x3_4962_66E3_FA2C, 0x3_56C5_5F92_9FF0, 0x3_6431_A2DE_883A,
    0x3_71A7_373A_A9CA, 0x3_7F26_231E_7549, 0x3_8CAE_6D05_D865, 0x3_9A40_1B71_40EE,
    0x3_A7DB_34E5_9FF6, 0x3_B57F_BFEC_6CF4, 0x3_C32D_C313_A8E4, 0x3_D0E5_44ED_E173,
    0x3_DEA6_4C12_3422, 0x3_EC70_DF1C_5174, 0x3_FA45_04AC_801B, 0x4_0822_C367_A024,
    0x4_160A_21F7_2E29, 0x4_23FB_2709_4689, 0x4_31F5_D950_A896, 0x4_3FFA_3F84_B9D4,
    0x4_4E08_6061_892D, 0x4_5C20_42A7_D231, 0x4_6A41_ED1D_0057, 0x4_786D_668B_3236,
    0x4_86A2_B5C1_3CD0, 0x4_94E1_E192_AED1, 0x4_A32A_F0D7_D3DE, 0x4_B17D_EA6D_B7D6,
    0x4_BFDA_D536_2A27, 0x4_CE41_B817_C114, 0x4_DCB2_99FD_DD0D, 0x4_EB2D_81D8_ABFE,
    0x4_F9B2_769D_2CA6, 0x5_0841_7F45_31EE, 0x5_16DA_A2CF_6641, 0x5_257D_E83F_4EEE,
    0x5_342B_569D_4F81, 0x5_42E2_F4F6_AD27, 0x5_51A4_CA5D_920E, 0x5_6070_DDE9_10D1,
    0x5_6F47_36B5_27DA, 0x5_7E27_DBE2_C4CE, 0x5_8D12_D497_C7FD, 0x5_9C08_27FF_07CB,
    0x5_AB07_DD48_5429, 0x5_BA11_FBA8_7A02, 0x5_C926_8A59_46B7, 0x5_D845_9099_8B92,
    0x5_E76F_15AD_2148, 0x5_F6A3_20DC_EB70, 0x6_05E1_B976_DC08, 0x6_152A_E6CD_F6F4,
    0x6_247E_B03A_5584, 0x6_33DD_1D19_29FD, 0x6_4346_34CC_C31F, 0x6_52B9_FEBC_8FB6,
    0x6_6238_8255_2224, 0x6_71C1_C708_33F5, 0x6_8155_D44C_A973, 0x6_90F4_B19E_9538,
    0x6_A09E_667F_3BCC, 0x6_B052_FA75_173E, 0x6_C012_750B_DABE, 0x6_CFDC_DDD4_7645,
    0x6_DFB2_3C65_1A2E, 0x6_EF92_9859_3AE4, 0x6_FF7D_F951_9483, 0x7_0F74_66F4_2E87,
    0x7_1F75_E8EC_5F73, 0x7_2F82_86EA_D089, 0x7_3F9A_48A5_8173, 0x7_4FBD_35D7_CBFD,
    0x7_5FEB_5642_67C8, 0x7_7024_B1AB_6E09, 0x7_8069_4FDE_5D3F, 0x7_90B9_38AC_1CF6,
    0x7_A114_73EB_0186, 0x7_B17B_0976_CFDA, 0x7_C1ED_0130_C132, 0x7_D26A_62FF_86F0,
    0x7_E2F3_36CF_4E62, 0x7_F387_8491_C490, 0x8_0427_543E_1A11, 0x8_14D2_ADD1_06D9,
    0x8_2589_994C_CE12, 0x8_364C_1EB9_41F7, 0x8_471A_4623_C7AC, 0x8_57F4_179F_5B20,
    0x8_68D9_9B44_92EC, 0x8_79CA_D931_A436, 0x8_8AC7_D98A_6699, 0x8_9BD0_A478_580F,
    0x8_ACE5_422A_A0DB, 0x8_BE05_BAD6_1778, 0x8_CF32_16B5_448B, 0x8_E06A_5E08_66D8,
    0x8_F1AE_9915_7736, 0x9_02FE_D028_2C8A, 0x9_145B_0B91_FFC5, 0x9_25C3_53AA_2FE1,
    0x9_3737_B0CD_C5E4, 0x9_48B8_2B5F_98E4, 0x9_5A44_CBC8_520E, 0x9_6BDD_9A76_70B2,
    0x9_7D82_9FDE_4E4F, 0x9_8F33_E47A_22A2, 0x9_A0F1_70CA_07B9, 0x9_B2BB_4D53_FE0C,
    0x9_C491_82A3_F090, 0x9_D674_194B_B8D4, 0x9_E863_19E3_2323, 0x9_FA5E_8D07_F29D,
    0xA_0C66_7B5D_E564, 0xA_1E7A_ED8E_B8BB, 0xA_309B_EC4A_2D33, 0xA_42C9_8046_0AD7,
    0xA_5503_B23E_255C, 0xA_674A_8AF4_6052, 0xA_799E_1330_B358, 0xA_8BFE_53C1_2E58,
    0xA_9E6B_5579_FDBF, 0xA_B0E5_2135_6EBA, 0xA_C36B_BFD3_F379, 0xA_D5FF_3A3C_2774,
    0xA_E89F_995A_D3AD, 0xA_FB4C_E622_F2FE, 0xB_0E07_298D_B665, 0xB_20CE_6C9A_8952,
    0xB_33A2_B84F_15FA, 0xB_4684_15B7_49B0, 0xB_5972_8DE5_5939, 0xB_6C6E_29F1_C52A,
    0xB_7F76_F2FB_5E46, 0xB_928C_F227_49E3, 0xB_A5B0_30A1_0649, 0xB_B8E0_B79A_6F1E,
    0xB_CC1E_904B_C1D2, 0xB_DF69_C3F3_A206, 0xB_F2C2_5BD7_1E08, 0xC_0628_6141_B33C,
    0xC_199B_DD85_529C, 0xC_2D1C_D9FA_652B, 0xC_40AB_5FFF_D07A, 0xC_5447_78FA_FB22,
    0xC_67F1_2E57_D14B, 0xC_7BA8_8988_C932, 0xC_8F6D_9406_E7B5, 0xC_A340_5751_C4DA,
    0xC_B720_DCEF_9069, 0xC_CB0F_2E6D_1674, 0xC_DF0B_555D_C3F9, 0xC_F315_5B5B_AB73,
    0xD_072D_4A07_897B, 0xD_1B53_2B08_C968, 0xD_2F87_080D_89F1, 0xD_43C8_EACA_A1D6,
    0xD_5818_DCFB_A487, 0xD_6C76_E862_E6D3, 0xD_80E3_16C9_8397, 0xD_955D_71FF_6075,
    0xD_A9E6_03DB_3285, 0xD_BE7C_D63A_8314, 0xD_D321_F301_B460, 0xD_E7D5_641C_0657,
    0xD_FC97_337B_9B5E, 0xE_1167_6B19_7D16, 0xE_2646_14F5_A128, 0xE_3B33_3B16_EE11,
    0xE_502E_E78B_3FF6, 0xE_6539_2467_6D75, 0xE_7A51_FBC7_4C83, 0xE_8F79_77CD_B73F,
    0xE_A4AF_A2A4_90D9, 0xE_B9F4_867C_CA6E, 0xE_CF48_2D8E_67F0, 0xE_E4AA_A218_8510,
    0xE_FA1B_EE61_5A27, 0xF_0F9C_1CB6_4129, 0xF_252B_376B_BA97, 0xF_3AC9_48DD_7273,
    0xF_5076_5B6E_4540, 0xF_6632_7988_44F8, 0xF_7BFD_AD9C_BE13, 0xF_91D8_0224_3C88,
    0xF_A7C1_819E_90D8, 0xF_BDBA_3692_D513, 0xF_D3C2_2B8F_71F1, 0xF_E9D9_6B2A_23D9,
];

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    /// A number of any size, the lowest 32 bits first.
    struct Big(Vec<u32>);

    impl Big {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half, and then the upper one")]
        fn of(number: u64) -> Big {
            Big(vec![number as u32, (number >> 32) as u32])
        }

        #[expect(clippy::cast_possible_truncation, reason = "the lower half is what stays")]
        fn squared(&self) -> Big {
            let mut product = vec![0_u32; 2 * self.0.len()];
            for (at, &one) in self.0.iter().enumerate() {
                let mut carry = 0;
                for (place, &other) in
                    product[at..].iter_mut().zip(self.0.iter().chain(&vec![0; self.0.len()]))
                {
                    let sum = u64::from(*place) + u64::from(one) * u64::from(other) + carry;
                    *place = sum as u32;
                    carry = sum >> 32;
                }
            }
            Big(product)
        }

        /// The place of the highest bit that is set.
        fn log2(&self) -> usize {
            let top = self.0.iter().rposition(|&part| part > 0).unwrap_or(0);
            32 * top + self.0[top].ilog2() as usize
        }
    }

    #[test]
    fn each_root_to_its_power_is_the_last_that_is_not_above_the_power_of_two() {
        for (power, &root) in (0..).zip(&ROOTS) {
            let to_its_power = |mantissa: u64| {
                let mut number = Big::of(1 << 52 | mantissa);
                for _ in 0..8 {
                    number = number.squared();
                }
                number.log2()
            };
            let scaled = power + 52 * 256;
            assert!(to_its_power(root + 1) >= scaled, "root {power} is too small");
            assert!(power == 0 || to_its_power(root) < scaled, "root {power} is too large");
        }
    }
}
