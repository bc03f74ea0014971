//! The sheet of statistics in a workbook: counts beside their charts.

use rust_xlsxwriter::{
    Chart, ChartLegendPosition, ChartType, Format as Style, FormatAlign, Workbook,
};

use crate::exports::dataset::Shape;
use crate::exports::request::Language;
use crate::exports::statistics::Counts;
use crate::exports::writing::Plan;

/// Rows a chart covers; the next counts begin below it.
const CHART_ROWS: u32 = 18;

/// Adds the sheet.
pub(super) fn add(workbook: &mut Workbook, plan: &Plan) -> anyhow::Result<()> {
    let (name, number) = match plan.language {
        Language::French => ("Statistiques", "Nombre"),
        Language::English => ("Statistics", "Count"),
    };
    let header = Style::new()
        .set_bold()
        .set_font_size(11)
        .set_font_color("FFFFFF")
        .set_background_color("366092")
        .set_align(FormatAlign::Center);
    let sheet = workbook.add_worksheet();
    sheet.set_name(name)?;
    sheet.set_column_width(0, 26)?.set_column_width(1, 12)?;
    let mut top = 0;
    for counts in &plan.statistics {
        sheet.write_string_with_format(top, 0, counts.values, &header)?;
        sheet.write_string_with_format(top, 1, number, &header)?;
        for (row, (label, count)) in (top + 1..).zip(&counts.rows) {
            sheet.write_string(row, 0, label)?;
            sheet.write_number(row, 1, *count)?;
        }
        let rows = u32::try_from(counts.rows.len())?;
        if rows > 0 {
            sheet.insert_chart(
                top + 1,
                3,
                &chart(name, number, counts, top + 1, top + rows),
            )?;
        }
        top += rows.max(CHART_ROWS) + 3;
    }
    Ok(())
}

fn chart(sheet: &str, number: &str, counts: &Counts, first: u32, last: u32) -> Chart {
    let kind = match counts.shape {
        Shape::Bars => ChartType::Column,
        Shape::Pie => ChartType::Pie,
    };
    let mut chart = Chart::new(kind);
    chart
        .add_series()
        .set_name(number)
        .set_categories((sheet, first, 0, last, 0))
        .set_values((sheet, first, 1, last, 1));
    chart.title().set_name(counts.title);
    chart.set_width(560).set_height(340);
    match counts.shape {
        Shape::Bars => {
            chart.x_axis().set_name(counts.values);
            chart.y_axis().set_name(number);
            chart.legend().set_hidden();
        }
        Shape::Pie => {
            chart.legend().set_position(ChartLegendPosition::Right);
        }
    }
    chart
}
